"""Models: an input, layers over time, and what is read off them."""

from recurra.models.bag import Bag
from recurra.models.inputs import OneHot, TokenEmbedding, Vectors
from recurra.models.language_model import LanguageModel
from recurra.models.many_to_one import ManyToOne
from recurra.models.regressor import Regressor
from recurra.models.stepwise import Stepwise
from recurra.models.tagger import Tagger
from recurra.models.word_features import WordFeatures, Words

__all__ = [
    "Bag",
    "LanguageModel",
    "ManyToOne",
    "OneHot",
    "Regressor",
    "Stepwise",
    "Tagger",
    "TokenEmbedding",
    "Vectors",
    "WordFeatures",
    "Words",
]
