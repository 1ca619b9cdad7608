"""When does a language model decide? P(was) against P(were), word by word through a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recurra.errors import Fault
from recurra.inspect.finding import Finding, percent
from recurra.inspect.style import colours, grid, legend, picture, png
from recurra.tasks.base import Task
from recurra.tasks.language_model.choices import Choice
from recurra.tasks.language_model.task import LanguageModelTask


@dataclass(frozen=True)
class ChoiceInspection:
    """How the choice between words moves through one sentence or several.

    Attributes:
        choices: one for each sentence, all of the same options.
    """

    choices: Sequence[Choice]

    @property
    def title(self) -> str:
        """A heading."""
        return "Choice between " + " and ".join(map(repr, self.choices[0].options))

    def findings(self) -> list[Finding]:
        """One sentence each: which word is likelier at its end, and since where."""
        return [_finding(choice) for choice in self.choices]

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {"choices": [choice.to_dict() for choice in self.choices]}

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """One picture: a panel for each sentence."""
        tint = colours(dark)
        longest = max(len(choice.words) for choice in self.choices)
        figure, axes = picture(
            2 + 0.75 * longest * len(self.choices), 3.4, dark, "", "", columns=len(self.choices)
        )
        for panel, choice in zip([axes] if len(self.choices) == 1 else axes, self.choices, strict=True):
            shares = 100 * choice.shares()
            steps = range(len(shares))
            for number, (option, colour) in enumerate(zip(choice.options, tint.series, strict=False)):
                panel.plot(steps, shares[:, number].tolist(), marker="o", color=colour, label=option)
            labels = ["(start)", *choice.words]
            panel.set_xticks(
                steps, [label.replace("$", r"\$") for label in labels], rotation=45, ha="right", fontsize=8
            )
            panel.set_ylim(-3, 103)
            grid(panel, dark)
            legend(panel, dark, loc="best")
        left = axes if len(self.choices) == 1 else axes[0]
        left.set_ylabel(f"P(next word)\namong {', '.join(self.choices[0].options)} (%)")
        return [(f"{self.title}, after each word", png(figure))]


def choice(task: Task, sentences: Sequence[str], options: Sequence[str]) -> ChoiceInspection:
    """P(option | the words so far) through each sentence, among the options.

    Raises:
        Fault: the task is no language model; a sentence without words; an option unknown to the model.
    """
    if not isinstance(task, LanguageModelTask):
        raise Fault(f"a {task.name} model predicts no next word: a language model does")
    if not sentences or not all(sentence.split() for sentence in sentences):
        raise Fault("a sentence without words found, expected words to read")
    return ChoiceInspection([task.choice(sentence, options) for sentence in sentences])


def _finding(choice: Choice) -> Finding:
    shares = choice.shares()
    best = int(shares[-1].argmax())
    option = choice.options[best]
    leads = shares.argmax(-1) == best
    since = len(leads) - 1
    while since > 0 and bool(leads[since - 1]):
        since -= 1
    place = "from the start" if since == 0 else f"since word {since}, {choice.words[since - 1]!r}"
    share = float(shares[-1, best])
    text = (
        f"{' '.join(choice.words)!r}: {option!r} comes next with {percent(share)} among the words to choose "
        f"from, and leads {place}"
    )
    numbers = {"option": option, "share": share, "since": since}
    return Finding("choice", "note", text, numbers)
