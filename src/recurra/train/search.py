"""The settings of a recipe that score best on its validation data: trials of optuna, poor ones cut short."""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recurra.errors import Fault
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json, write_text
from recurra.storage.seals import value_digest
from recurra.storage.toml_text import parse_toml
from recurra.train.callbacks import Callback, Training
from recurra.train.ranges import Range, read_range
from recurra.train.recipe import Recipe, read_recipe
from recurra.train.run import train

if TYPE_CHECKING:
    import optuna

FORMAT = 1
SUMMARY, JOURNAL, BEST = "search.json", "search.journal", "best.toml"
_HOPELESS = 3
"""So many first trials that all fail end the search: it is the recipe, not the settings."""


class Try(NamedTuple):
    """One trial.

    Attributes:
        number: from 0 on; its run folder is `trial-NUMBER`.
        state: "complete", "pruned" (its validations were worse than the others' by then), "failed" or
            "running" (the search was stopped in it).
        score: of its best validation, None where there is none. settings: what was varied.
        reason: why it failed, else "".
    """

    number: int
    state: str
    score: float | None
    settings: dict[str, Any]
    reason: str


class Search(NamedTuple):
    """What a search ended with.

    Attributes:
        metric: what counted. tries: all trials, the best first, those without a score last.
        best: the recipe of the best one, a file.
    """

    folder: Path
    metric: str
    tries: list[Try]
    best: Path


def search(
    recipe: str | Path,
    vary: Sequence[str],
    folder: str | Path,
    trials: int,
    *,
    changes: Sequence[str] = (),
    removals: Sequence[str] = (),
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Search:
    """Trains a recipe with many settings, each into a run folder, and keeps the best as a recipe.

    Scores are of the validation data alone. After each validation a trial that is worse than the median of
    the others at that point ends (`optuna.pruners.MedianPruner`); what comes next is chosen by a tree of
    Parzen estimators (Bergstra et al., 2011), seeded by `train.seed`.

    Args:
        recipe, changes, removals: as of `read_recipe`.
        vary: see `read_range`. trials: how many in all, those of earlier calls included.
        folder: made anew; with `resume` one that the same search began.
        say: takes a line after each trial.

    Raises:
        Fault: a setting that the recipe can't have, a folder that is taken, or no trial that has a score.
        Interrupted: stopped; the trial goes on when the search is resumed.
    """
    folder = Path(folder)
    ranges = [read_range(text) for text in vary]
    first = _check(recipe, ranges, changes, removals, trials)
    optuna = _library()
    options = first.train
    digest = value_digest([first.to_digest(), options.epochs, options.steps, options.patience])
    identity = {"format": FORMAT, "recipe": digest, "vary": sorted(vary)}
    _check_folder(folder, identity, resume)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / SUMMARY, identity)
    study = _study(optuna, folder, options.seed)
    spaces = {each.key: _space(optuna, each) for each in ranges}
    while len(ended := [each for each in study.trials if each.state.is_finished()]) < trials:
        if len(ended) == _HOPELESS and all(each.state.name == "FAIL" for each in ended):
            raise Fault(f"the first {_HOPELESS} trials all failed: {ended[-1].user_attrs['reason']}")
        running = [each for each in study.trials if not each.state.is_finished()]
        trial = optuna.trial.Trial(study, running[0]._trial_id) if running else study.ask(spaces)
        settings = [each.change(trial.params[each.key]) for each in ranges]
        _run(study, trial, read_recipe(recipe, [*changes, *settings], removals), folder)
        say(_line(_tries(study)[trial.number], trials))
    tries = sorted(_tries(study), key=lambda each: _order(study, each))
    if not tries or tries[0].state != "complete":
        raise Fault(
            f"{folder}: none of {trials} trials ended with a score: {tries[0].reason or 'all were pruned'}"
        )
    metric = str(study.user_attrs["metric"])
    settings = [each.change(study.trials[tries[0].number].params[each.key]) for each in ranges]
    best = read_recipe(recipe, [*changes, *settings], removals)
    lines = [
        f"# The best of {trials} trials: {metric} {tries[0].score:.6g} on the validation data.",
        *(f"# {setting}" for setting in settings),
        "#:schema recipe.schema.json",
    ]
    write_text(folder / BEST, "\n".join([*lines, best.to_text()]))
    return Search(folder, metric, tries, folder / BEST)


class _Pruning(Callback):
    """Reports each validation, and ends a trial that is worse than the others were by then."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial) -> None:
        self._study, self._trial = study, trial
        self._steps = {*study.trials[trial.number].intermediate_values}

    def start(self, training: Training) -> None:
        metric, larger = training.task.score
        self._study.set_user_attr("metric", metric)
        self._study.set_user_attr("larger", larger)

    def validation(self, training: Training, metrics: Mapping[str, float], best: bool) -> None:
        value = _sign(self._study) * metrics[self._study.user_attrs["metric"]]
        if training.step not in self._steps:  # where a trial goes on
            self._trial.report(value, training.step)
        if self._trial.should_prune():
            raise _library().TrialPruned


def _run(study: optuna.Study, trial: optuna.Trial, recipe: Recipe, folder: Path) -> None:
    """One trial, to its end or until it is pruned or fails; an interruption leaves it running."""
    optuna = _library()
    states = optuna.trial.TrialState
    place = folder / f"trial-{trial.number}"
    score, state = None, states.FAIL
    try:
        trained = train(recipe, place, resume=place.exists(), quiet=True, callbacks=[_Pruning(study, trial)])
        score = _sign(study) * trained.best["metrics"][study.user_attrs["metric"]]
        state = states.COMPLETE
    except optuna.TrialPruned:
        state = states.PRUNED
    except (Fault, MemoryError, RuntimeError) as error:
        # torch tells that memory is out by a RuntimeError, on a CPU by no class of its own
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        trial.set_user_attr("reason", str(Fault(str(error) or type(error).__name__)))
    if state is states.FAIL:
        gc.collect()  # a trial that ran out of memory leaves none of it to the next
    study.tell(trial.number, score, state)


def _check(
    recipe: str | Path,
    ranges: Sequence[Range],
    changes: Sequence[str],
    removals: Sequence[str],
    trials: int,
) -> Recipe:
    """The recipe with the first value of each range. Fault for a value that it can't have."""
    if not ranges:
        raise Fault("nothing to vary: give --vary section.key=VALUES, as in --vary model.hidden=64..512")
    if trials < 1:
        raise Fault(f"{trials} trials found, expected at least 1")
    double = next((r.key for n, r in enumerate(ranges) if r.key in [o.key for o in ranges[:n]]), None)
    if double is not None:
        raise Fault(f"--vary {double}: given twice")
    usual = [each.change(each.ends()[0]) for each in ranges]
    for number, each in enumerate(ranges):
        for value in each.ends()[1:]:
            settings = [*usual[:number], each.change(value), *usual[number + 1 :]]
            read_recipe(recipe, [*changes, *settings], removals)
    first = read_recipe(recipe, [*changes, *usual], removals)
    if first.train.devices > 1:
        raise Fault(f"train.devices = {first.train.devices}: a trial is trained by one process")
    return first


def _check_folder(folder: Path, identity: Mapping[str, Any], resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise Fault(f"{folder}: is a file, expected a folder for the search")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    ours = (folder / SUMMARY).is_file()
    if not ours:
        raise Fault(f"{folder}: already holds other files: choose another folder")
    if not resume:
        raise Fault(f"{folder}: already holds a search: choose another folder, or go on with it by --resume")
    content = read_json(folder / SUMMARY)
    check_format(content, FORMAT, str(folder / SUMMARY))
    if content != identity:
        ranges = ", ".join(Fields(content, str(folder / SUMMARY)).texts("vary"))
        raise Fault(
            f"{folder}: holds the search of another recipe or other ranges ({ranges}): resume with the same, "
            f"or choose another folder"
        )


def _study(optuna: Any, folder: Path, seed: int) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its journal may change, which it has not done for years
        storage = optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
        )
        study = optuna.create_study(
            storage=storage, study_name="search", load_if_exists=True, pruner=optuna.pruners.MedianPruner()
        )
        # what comes next does not depend on where the search was stopped
        study.sampler = optuna.samplers.TPESampler(seed=(seed + len(study.trials)) % 2**32)
    return study


def _space(optuna: Any, each: Range) -> Any:
    distributions = optuna.distributions
    if each.choices:
        return distributions.CategoricalDistribution(each.choices)
    if each.whole:
        return distributions.IntDistribution(each.low, each.high, log=each.logarithmic, step=each.step or 1)
    return distributions.FloatDistribution(each.low, each.high, log=each.logarithmic)


def _sign(study: optuna.Study) -> float:
    """The study always makes its value small."""
    return -1.0 if study.user_attrs["larger"] else 1.0


def _tries(study: optuna.Study) -> list[Try]:
    """All trials by number."""
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    tries = []
    for each in study.trials:
        values = [each.value] if each.value is not None else [*each.intermediate_values.values()]
        finite = [value for value in values if math.isfinite(value)]
        score = _sign(study) * min(finite) if finite else None
        state = names.get(each.state.name, "running")
        settings = {key: _plain(value) for key, value in each.params.items()}
        tries.append(Try(each.number, state, score, settings, str(each.user_attrs.get("reason", ""))))
    return tries


def _plain(value: Any) -> Any:
    """A parameter as a value; a choice is the TOML of one."""
    return parse_toml(f"value = {value}".encode(), "")["value"] if isinstance(value, str) else value


def _order(study: optuna.Study, each: Try) -> tuple[bool, bool, float]:
    """Complete ones first, by their score."""
    score = math.inf if each.score is None else _sign(study) * each.score
    return each.state != "complete", each.state == "failed", score


def _line(each: Try, trials: int) -> str:
    settings = "  ".join(f"{key}={_brief(value)}" for key, value in each.settings.items())
    score = "" if each.score is None else f"  {each.score:.6g}"
    reason = f": {each.reason}" if each.reason else ""
    return f"trial {each.number} ({trials} in all) {each.state}{score}  {settings}{reason}"


def _brief(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _library() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise Fault("a search needs optuna: pip install 'recurra[search]'") from None
    return optuna
