"""New texts from a language model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from recurra.decode import beam_search
from recurra.decode import sample as draw
from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.state import map_state
from recurra.streaming.runner import one_step, runner
from recurra.tasks.language_model.probabilities import read_prompt
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.contexts import evaluating


def sample_texts(
    model: LanguageModel,
    text: RunningText,
    prompt: str = "",
    *,
    count: int = 1,
    length: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    beam: int | None = None,
    length_penalty: float = 0.0,
    seed: int = 0,
) -> Iterator[str]:
    """`count` texts that begin with the prompt.

    Args:
        model, text: the language model and its tokens.
        prompt: where to start, after a boundary.
        count: how many.
        length: further tokens at most; sentences end by themselves before that.
        temperature, top_k, top_p: see `recurra.decode.restrict`.
        beam: instead of drawing, the likeliest texts of a beam search of this width.
        length_penalty: of the beam search; see `recurra.decode.beam_search`.
        seed: of the drawing.
    """
    if count < 1 or (beam is not None and count > beam):
        most = "" if beam is None else f" to {beam}, the width of the beam"
        raise Fault(f"count = {count} texts, expected 1{most or ' or more'}")
    unknown = text.tokenizer.unknown
    forbid = () if unknown is None else (unknown,)
    end = text.boundary if text.read_as == "sentences" else None
    logits, state = read_prompt(model, text, prompt)
    with evaluating(model):
        step = one_step(runner(model, beam or count))
        if beam is None:
            logits = logits.expand(count, -1)
            state = map_state(lambda leaf: leaf.expand(count, *leaf.shape[1:]), state)
            generator = torch.Generator(logits.device).manual_seed(seed)
            limits = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "forbid": forbid}
            steps = list(draw(step, logits, state, length=length, end=end, generator=generator, **limits))
            rows = torch.stack(steps, 1).tolist() if steps else [[]] * count
            samples = [row[: row.index(end)] if end in row else row for row in rows]
        else:
            search = partial(beam_search, step, logits, state, width=beam, length=length)
            (hypotheses,) = search(end=end, length_penalty=length_penalty, forbid=forbid)
            samples = [hypothesis.ids for hypothesis in hypotheses[:count]]
    for ids in samples:
        yield text.continued(prompt, ids)
