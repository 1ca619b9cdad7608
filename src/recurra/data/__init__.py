"""From files to batches: readers, columns, vocabularies, tokenizers, splits."""

from recurra.data import columns, features, spans
from recurra.data.batches import Batches
from recurra.data.examples import Examples, Place, join
from recurra.data.generated import adding, copying
from recurra.data.labels import LabelSet
from recurra.data.lengths import check_lengths
from recurra.data.manual import python_manual
from recurra.data.notes import Note
from recurra.data.readers import READERS, guess_format
from recurra.data.source import BUILTIN, Source, read
from recurra.data.splits import Split, hold_out, hold_out_indices
from recurra.data.streams import Streams, Window, next_token
from recurra.data.subword import SubwordTokenizer
from recurra.data.tokenizers import (
    TOKENIZERS,
    CharacterTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)
from recurra.data.trees import Tree, parse_trees
from recurra.data.vocabulary import Vocabulary

__all__ = [
    "BUILTIN",
    "READERS",
    "TOKENIZERS",
    "Batches",
    "CharacterTokenizer",
    "Examples",
    "LabelSet",
    "Note",
    "Place",
    "Source",
    "Split",
    "Streams",
    "SubwordTokenizer",
    "Tokenizer",
    "Tree",
    "Vocabulary",
    "Window",
    "WordTokenizer",
    "adding",
    "check_lengths",
    "columns",
    "copying",
    "features",
    "guess_format",
    "hold_out",
    "hold_out_indices",
    "join",
    "load_tokenizer",
    "next_token",
    "parse_trees",
    "python_manual",
    "read",
    "spans",
    "train_tokenizer",
]
