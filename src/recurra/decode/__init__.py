"""From probabilities to sequences: sampling and beam search over any step function."""

from recurra.decode.beam import Hypothesis, beam_search
from recurra.decode.restrict import restrict
from recurra.decode.sampling import sample
from recurra.decode.step import Step

__all__ = ["Hypothesis", "Step", "beam_search", "restrict", "sample"]
