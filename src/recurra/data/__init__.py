"""From files to batches: readers, columns, vocabularies, tokenizers, splits."""

from recurra.data import columns
from recurra.data.batches import Batches
from recurra.data.builtin.generated import adding, copying
from recurra.data.builtin.manual import python_manual
from recurra.data.builtin.names import names
from recurra.data.examples import Examples, Place, join
from recurra.data.lengths import check_lengths
from recurra.data.readers import READERS, guess_format
from recurra.data.remarks import Note
from recurra.data.source import BUILTIN, Source, read
from recurra.data.splits import Split, hold_out, hold_out_indices
from recurra.data.streams import Streams, Window, next_token
from recurra.data.text import features, spans
from recurra.data.text.labels import LabelSet
from recurra.data.text.subword import SubwordTokenizer
from recurra.data.text.tokenizers import (
    TOKENIZERS,
    CharacterTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)
from recurra.data.text.trees import Tree, parse_trees
from recurra.data.text.vocabulary import Vocabulary

# source.py counts for every figure that is recorded: a row there would age them all
BUILTIN["names"] = names

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
