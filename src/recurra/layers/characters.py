"""What a word's spelling says of it: one vector a word, from its characters.

Both read words as a Ragged of character numbers, int64 `[N]`, one row a word; and give `[W, output_size]`
in the caller's order of words. A word without characters gives zeros. Spell each different word once and
take its vector wherever it stands: `features.index_select(0, word_of_each_place)`.
"""

from __future__ import annotations

from torch import Tensor, cat, nn
from torch.nn.functional import dropout as drop

from recurra.cells.lstm import LSTM
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.convolution import Convolution
from recurra.layers.pooling import MaxPool
from recurra.layers.recurrent import Recurrent
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("char_lstm")
class CharLSTM(Configured):
    """The last outputs of an LSTM in each direction, side by side (Lample et al., 2016).

    Args:
        characters: how many different characters there are.
        embedding_size: numbers a character.
        hidden_size: numbers a direction; the output has twice as many.
        dropout: share of the characters' numbers dropped in training.
    """

    def __init__(
        self, characters: int, embedding_size: int = 25, hidden_size: int = 25, dropout: float = 0.0
    ) -> None:
        self.embedding = nn.Embedding(characters, embedding_size)
        self.layer = Bidirectional(
            Recurrent(LSTM(embedding_size, hidden_size)),
            Recurrent(LSTM(embedding_size, hidden_size), reverse=True),
        )
        self.dropout = dropout
        self.output_size = 2 * hidden_size

    def forward(self, words: Ragged) -> Tensor:
        """`[W, output_size]`; see the module."""
        embedded = drop(self.embedding(words.data), self.dropout, self.training)
        _, state = self.layer(words.with_data(embedded))
        # the state before the first step is zero, and stays where a word has no characters
        return cat([state["forward"].h, state["backward"].h], -1)


@MODULES.register("char_cnn")
class CharCNN(Configured):
    """A convolution over the characters and the largest value of each feature (Ma and Hovy, 2016).

    Args:
        characters: how many different characters there are.
        embedding_size: numbers a character.
        filters: numbers in the output.
        width: characters seen by each filter; odd.
        dropout: share of the characters' numbers dropped in training.
    """

    def __init__(
        self,
        characters: int,
        embedding_size: int = 30,
        filters: int = 30,
        width: int = 3,
        dropout: float = 0.0,
    ) -> None:
        self.embedding = nn.Embedding(characters, embedding_size)
        self.convolution = Convolution(embedding_size, filters, width)
        self.pool = MaxPool(filters)
        self.dropout = dropout
        self.output_size = filters

    def forward(self, words: Ragged) -> Tensor:
        """`[W, output_size]`; see the module."""
        embedded = drop(self.embedding(words.data), self.dropout, self.training)
        y, _ = self.convolution(words.with_data(embedded))
        return self.pool(y)  # type: ignore[no-any-return]
