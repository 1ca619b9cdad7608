"""Word vectors: CBOW and skip-gram (Mikolov et al., 2013, arXiv 1301.3781 and 1310.4546)."""

from recurra.vectors.evaluate import Analogies, Similarity, analogies, word_similarity
from recurra.vectors.load import load
from recurra.vectors.options import Options
from recurra.vectors.plot import plot
from recurra.vectors.progress import Progress, Report, Start
from recurra.vectors.suggest import suggest
from recurra.vectors.train import resume, train
from recurra.vectors.vectors import WordVectors
from recurra.vectors.word2vec_format import read_word2vec, write_word2vec

__all__ = [
    "Analogies",
    "Options",
    "Progress",
    "Report",
    "Similarity",
    "Start",
    "WordVectors",
    "analogies",
    "load",
    "plot",
    "read_word2vec",
    "resume",
    "suggest",
    "train",
    "word_similarity",
    "write_word2vec",
]
