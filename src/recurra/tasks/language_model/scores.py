"""A trained language model, asked about the symbols of another task."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import torch

from recurra.data import Tokenizer, load_tokenizer
from recurra.decode import LanguageScores
from recurra.errors import Fault, quoted
from recurra.models import LanguageModel
from recurra.storage.fields import Fields
from recurra.storage.models import load_model
from recurra.storage.toml_text import read_toml
from recurra.tasks.language_model.text import ReadAs, RunningText
from recurra.tasks.parts.contexts import evaluating


def language_scores(run: str | Path, symbols: Tokenizer, weight: float, bonus: float) -> LanguageScores:
    """The scores of a run folder of the task `language_model`, whose tokens are those of `symbols`.

    Raises:
        Fault: no such run, of another task or kind of token, or a symbol that it does not know.
    """
    folder = Path(run).expanduser()
    text = _text(folder)
    if text.tokenizer.kind != symbols.kind:
        raise Fault(
            f"{folder}: a language model over {text.tokenizer.kind} tokens, expected {symbols.kind} tokens "
            f"as the transcripts have"
        )
    ids, unknown = [], []
    for index in range(len(symbols)):
        token = symbols.token(index)
        matches = [i for i in range(len(text.tokenizer)) if text.tokenizer.token(i) == token]
        unknown += [] if matches else [token]
        ids += matches[:1]
    if unknown:
        raise Fault(
            f"{folder}: the language model does not know {', '.join(map(repr, unknown[:5]))}: train it on "
            f"text with every symbol of the transcripts"
        )
    model = load_model(folder)
    if not isinstance(model, LanguageModel):
        raise Fault(f"{folder}: holds a {type(model).__name__}, expected a language model")
    with evaluating(model):
        first = torch.tensor([text.boundary])
        logits, state = model.step(first, model.initial_state(1))
    return LanguageScores(model.eval().step, logits, state, torch.tensor(ids), text.boundary, weight, bonus)


def _text(folder: Path) -> RunningText:
    try:
        recipe = read_toml(folder / "recipe.toml")
    except Fault as fault:
        raise Fault(f"{folder}: not a run folder: no recipe.toml that can be read ({fault})") from None
    if recipe.get("task") != "language_model":
        task = quoted(recipe.get("task"))
        raise Fault(f"{folder}: a run of the task {task}, expected one of 'language_model'")
    data = Fields(recipe.get("data", {}), f"{folder / 'recipe.toml'}: data")
    read_as = data.text("read_as") if "read_as" in recipe.get("data", {}) else "stream"
    if read_as not in get_args(ReadAs):
        raise Fault(f"{data.where}.read_as = {quoted(read_as)} found, expected one of {get_args(ReadAs)}")
    return RunningText(load_tokenizer(folder / "tokenizer.json"), cast(ReadAs, read_as))
