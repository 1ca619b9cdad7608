"""From probabilities to sequences: sampling, beam search over any step function, and what scores with blanks
say.
"""

from recurra.decode.beam import Hypothesis, beam_search
from recurra.decode.ctc_align import ctc_align
from recurra.decode.ctc_beam import ctc_beam_search
from recurra.decode.ctc_greedy import Transcript, ctc_greedy
from recurra.decode.prefix_scores import LanguageScores, PrefixScores
from recurra.decode.restrict import restrict
from recurra.decode.sampling import sample
from recurra.decode.step import Step

__all__ = [
    "Hypothesis",
    "LanguageScores",
    "PrefixScores",
    "Step",
    "Transcript",
    "beam_search",
    "ctc_align",
    "ctc_beam_search",
    "ctc_greedy",
    "restrict",
    "sample",
]
