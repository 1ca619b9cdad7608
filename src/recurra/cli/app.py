"""The program `recurra`.

Exit codes: 0 all went well; 1 something unexpected (a defect; its traceback is shown); 2 bad input or usage,
told in one line on stderr (of a recipe in one for each wrong key); 130 interrupted (Ctrl-C or SIGTERM; a
training has saved what it reached).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence

from recurra.cli.signals import INTERRUPTED, interruptible, say
from recurra.errors import Fault, Faults

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Of an OSError without a file's name: our own output could not be written."""

EXTRAS = {
    "lightning_fabric": "train",
    "tensorboard": "train",
    "matplotlib": "train",
    "tokenizers": "text",
    "sacrebleu": "text",
    "narwhals": "data",
    "pyarrow": "data",
    "huggingface_hub": "hub",
    "soundfile": "audio",
    "jiwer": "audio",
    "gensim": "bench",
    "optuna": "search",
}
"""Top-level module -> the extra of this package that brings it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""

    def command() -> int:
        from recurra.cli.commands import run

        return run(sys.argv[1:] if arguments is None else list(arguments))

    return exit_code(command)


def exit_code(program: Callable[[], int | None]) -> int:
    """Runs a program, of `benchmarks` too, by the rules above; what it returns is its code, None is 0."""
    with interruptible():
        try:
            code = program() or 0
            print(end="", flush=True)
            return code
        except Faults as faults:
            for each in faults.faults:
                say(str(each))
            return 2
        except Fault as fault:
            from recurra.cli.modules import import_hint

            return _usage_error(f"{fault}{import_hint(fault)}")
        except ModuleNotFoundError as error:
            top = (error.name or "").partition(".")[0]
            if top not in EXTRAS:
                raise
            return _usage_error(f"{top} is not installed: install 'recurra[{EXTRAS[top]}]'")
        except KeyboardInterrupt as error:
            say(f"interrupted{error}")
            return INTERRUPTED
        except BrokenPipeError:  # whoever read our output has seen enough
            _drop_output()
            return 0
        except OSError as error:
            if error.filename is not None or error.errno not in _FULL:
                raise
            _drop_output()
            return _usage_error(f"the output can't be written: {error.strerror}")


def _drop_output() -> None:
    """What Python would still write at its end goes nowhere, so that it does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage_error(line: str) -> int:
    say(line)
    return 2
