"""Every command, mounted."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from recurra.cli import (
    bench,
    cells,
    check,
    demo,
    encode,
    env,
    evaluate,
    explain,
    inspect,
    lesson,
    listing,
    new,
    options,
    plot,
    predict,
    push,
    recipes,
    report,
    reproduce,
    runs,
    sample,
    schema,
    search,
    stream,
    train,
    vectors,
)
from recurra.cli.modules import IMPORTS, Modules, import_all, with_imports
from recurra.cli.output import escape_output
from recurra.errors import Fault
from recurra.version import __version__

app = typer.Typer(
    name="recurra",
    help="Recurrent networks: train, evaluate, sample, stream.",
    epilog="Exit codes: 0 fine, 1 a defect, 2 bad input (one line says what), 130 interrupted.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.add_typer(recipes.app, name="recipes")
app.add_typer(vectors.app, name="vectors")
app.command("list")(listing.names)
app.command("new")(new.new)
app.command("options")(options.options)
app.command("schema")(schema.schema)
app.command("check")(check.check)
app.command("train")(train.train)
app.command("search")(search.search)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("plot")(plot.plot)
app.command("report")(report.report)
app.command("runs")(runs.runs)
app.command("push")(push.push)
app.command("encode")(encode.encode)
app.command("sample")(sample.sample)
app.command("stream")(stream.stream)
app.command("explain")(explain.explain)
app.add_typer(inspect.app, name="inspect")
app.command("cells")(cells.cells)
app.command("lesson")(lesson.lesson)
app.command("bench")(bench.bench)
app.command("reproduce")(reproduce.reproduce)
app.command("env")(env.env)

for _group in (app, recipes.app, vectors.app, inspect.app):
    for _command in _group.registered_commands:
        if _command.callback is not None:
            _command.callback = with_imports(_command.callback)


def _version(show: bool) -> None:
    if show:
        print(__version__)
        raise typer.Exit


@app.callback()
def common(
    modules: Modules = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Recurrent networks: train, evaluate, sample, stream."""
    escape_output()
    IMPORTS.clear()
    import_all(modules)


# typer.Abort and BadParameter are public; what they derive from is click's or typer's own, by version
_Wrong: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def run(arguments: list[str]) -> int:
    """Runs one command. A wrong usage becomes a Fault; signals and broken pipes pass through."""
    command = typer.main.get_command(app)
    if "_RECURRA_COMPLETE" in os.environ:  # a shell asks what may follow
        command.main(arguments, prog_name="recurra")
    try:
        with command.make_context("recurra", arguments or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _Wrong as error:
        raise Fault(f"{error.format_message()} (recurra --help shows how)") from None
    return 0
