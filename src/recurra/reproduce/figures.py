"""Every figure that Recurra trains for: by which recipe, read off how, and who published what."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recurra.errors import Fault, nearest
from recurra.storage.toml_text import read_toml

FILE = Path(__file__).parent / "figures.toml"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Row):
    """What is read off an evaluation.

    Attributes:
        what: in words. metric: names of the evaluation's scores, shown with a stroke between them.
        better: which way is better; "none" where a figure only stands beside others.
        reach: what is to be reached, one number for each metric or none.
        percent: the scores are shares. digits: after the point.
        definition: how the metric is counted, and what it was checked against.
        published: what others report. source: who. differs: how their protocol differs from this one.
    """

    what: str
    metric: tuple[str, ...]
    better: Literal["higher", "lower", "none"] = "none"
    reach: tuple[float, ...] = ()
    percent: bool = False
    digits: int = Field(2, ge=0)
    definition: str = ""
    published: str = ""
    source: str = ""
    differs: str = ""


class Training(_Row):
    """A recipe, what is changed of it, and the figures of its evaluation.

    Attributes:
        name: the folder of its runs. subject: the heading that it stands under.
        changes: as of `--set`. removals: as of `--unset`.
        data: the part or file that is measured; "" for the validation part.
        minutes: what one training takes on two cores, about. seeds: how many trainings the figure wants.
    """

    name: str
    subject: str
    recipe: str
    changes: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()
    data: str = "test"
    minutes: float = Field(gt=0)
    seeds: int = Field(5, ge=1)
    figures: tuple[Figure, ...]

    @property
    def metrics(self) -> list[str]:
        """All that its figures are made of."""
        return [metric for figure in self.figures for metric in figure.metric]

    def train_command(self, place: str, seed: int) -> list[str]:
        """The words of the command that trains it."""
        changes = [part for change in (*self.changes, f"train.seed={seed}") for part in ("--set", change)]
        removals = [part for key in self.removals for part in ("--unset", key)]
        return ["recurra", "train", self.recipe, "-o", place, *changes, *removals]

    def evaluate_command(self, place: str) -> list[str]:
        """The words of the command that measures it."""
        return ["recurra", "evaluate", place, *(["--data", self.data] if self.data else [])]

    def commands(self) -> list[str]:
        """Both as one types them, for the first seed."""
        place = f"runs/{self.name}"
        return [shlex.join(self.train_command(place, 0)), shlex.join(self.evaluate_command(place))]


class Mean(_Row):
    """The mean of a figure over several trainings.

    Attributes:
        over: their names, each with a figure of this metric.
    """

    name: str
    subject: str
    over: tuple[str, ...]
    figure: Figure


class Table(_Row):
    """All of them, in the order in which they are shown."""

    trainings: tuple[Training, ...]
    means: tuple[Mean, ...] = ()


def read_figures(path: str | Path = FILE) -> Table:
    """Reads the table of figures.

    Raises:
        Fault: it can't be read, or two trainings have one name.
    """
    try:
        table = Table(**read_toml(Path(path)))
    except ValidationError as error:
        first = error.errors()[0]
        raise Fault(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    names = [training.name for training in table.trainings]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise Fault(f"{path}: two trainings are called {double!r}")
    return table


def choose(table: Table, names: list[str]) -> list[Training]:
    """The trainings of these names, or whose recipe or subject is called so, cheapest first;
    all without names.

    Raises:
        Fault: a name that is none of these.
    """
    for name in names:
        if not any(name in (each.name, each.recipe, each.subject) for each in table.trainings):
            names_of_all = sorted(
                {part for each in table.trainings for part in (each.name, each.recipe, each.subject)}
            )
            raise Fault(f"no figure is called {name!r}{nearest(name, names_of_all)}")
    selection = [
        each
        for each in table.trainings
        if not names or not {each.name, each.recipe, each.subject}.isdisjoint(names)
    ]
    return sorted(selection, key=lambda each: each.minutes)
