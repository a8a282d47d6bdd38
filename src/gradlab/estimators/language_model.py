"""A model of texts, character by character."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Int32
from sklearn.utils.validation import check_is_fitted

from gradlab.data import TextPreprocessor, in_vocabulary, next_token_dataset, split_rows
from gradlab.data.plain_text import decode_text
from gradlab.data.text.preprocessor import MAX_VOCABULARY
from gradlab.data.text.vocabulary import PADDING, SPECIAL, UNKNOWN
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.generation import CHUNK, DRAW, blank_memory, check_forwards, read, write
from gradlab.estimators.network import Network, Rows
from gradlab.training.precision import precision
from gradlab.training.supervised import dtype_of

READ_CHUNK = 4 * CHUNK


@dataclass(kw_only=True, eq=False, repr=False)
class CharLanguageModel(Network):
    """Recurrent network that learns which character follows, and writes texts of its own.

    The text is cut into windows, and the network learns the next character at every one of their
    steps. Reading and writing, it carries its state through the whole text.

    Args:
        window: Characters through which an error is carried back.
        layers: One layer a line; recurrent layers of one direction, and dense ones.
        cell: Of recurrent layers that name none: "lstm", "gru", "rnn", …
        max_vocabulary: Most characters; the commonest are kept, the others read as "<unknown>".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`). Validation windows are the last of the text; `validation_score`
    is the share of characters that were the likeliest, losses are in nats a character.

    >>> text = "the cat sat on the mat. " * 60
    >>> settings = {"layers": ["embedding 8", "gru 32"], "window": 31, "learning_rate": 0.02}
    >>> model = CharLanguageModel(**settings, epochs=20, random_state=0).fit(text)
    >>> bool(model.bits_per_character(text) < 0.5)
    True
    >>> model.sample(20, start="the c", temperature=0)
    'at sat on the mat. t'
    """

    window: Any = 64
    layers: Any = ("embedding 32", "recurrent 128")
    cell: Any = "lstm"
    max_vocabulary: Any = MAX_VOCABULARY
    epochs: Any = 10

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X is one text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.required = False
        return tags

    def fit(self, text, y=None):
        """Learn from a text; return self.

        Args:
            text: str, or bytes in UTF-8.
            y: Of no account.

        Raises:
            DataError: If the text is too short for two windows, or no text.
            RecipeError: If a setting is out of range, a layer looks ahead, or training diverged.
        """
        text = _one_text(text)
        recipe, start = self._recipe(), self._start()
        check_forwards(recipe)
        if start is not None:
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        dataset = next_token_dataset(text, window=self.window)
        share, train = self._validation_share(), np.arange(dataset.n_rows)
        validation = train[:0]
        if share:
            split = split_rows(dataset, ratios=(1 - share, share, 0))
            train, validation = split.train, split.validation
        if start is None:
            prepared = TextPreprocessor.fit(
                dataset.features, train, max_vocabulary=self.max_vocabulary
            )
        else:
            prepared = self._vocabulary()
            if self.window != prepared.max_length:
                raise RecipeError(
                    f"Training goes on with windows of {prepared.max_length} characters; got "
                    f"window={self.window}. Set it back, or train anew with warm_start=False."
                )
        coded = in_vocabulary(dataset, prepared)
        self.model_ = self._train(
            recipe,
            start,
            Rows(coded.features, coded.y, np.ones(coded.n_rows)),
            epochs=int(self.epochs),
            seed=self._seed(start),
            kind="multiclass",
            n_outputs=prepared.n_symbols,
            held=validation,
            classes=prepared.symbols,
            prepared=prepared,
        )
        return self

    @property
    def characters_(self) -> tuple[str, ...]:
        """The characters that the model knows, the commonest first."""
        return self._vocabulary().symbols[len(SPECIAL) :]

    def bits_per_character(self, text, *, unseen: str = "refuse") -> float:
        """Return the mean of -log2 p(character | all before it), from the second character on.

        2 to its power is the perplexity. A model that has learnt nothing needs log2 of the number
        of characters.

        Args:
            text: str, or bytes in UTF-8, of at least two characters.
            unseen: What to do about characters that the model does not know: "refuse", or "skip"
                them, reading them as "<unknown>".

        Raises:
            DataError: If there are less than two characters, or unseen ones (named).
        """
        numbers = self._numbers(_one_text(text), unseen)
        if len(numbers) < 2:
            raise DataError(
                f"Bits per character need a text of at least 2 characters; got {len(numbers)}."
            )
        model = self.model_
        memory, bits = blank_memory(model.network), []
        with precision(dtype_of(model.network)):
            for begin in range(0, len(numbers) - 1, READ_CHUNK):
                piece = numbers[begin : begin + READ_CHUNK + 1]
                whole = np.pad(piece, (0, READ_CHUNK + 1 - len(piece)), constant_values=PADDING)
                of_piece, memory = read(model.network, model.states, memory, whole[:-1], whole[1:])
                bits.append(np.asarray(of_piece, np.float64)[: len(piece) - 1])
        known = numbers[1:] != UNKNOWN
        if not known.any():
            raise DataError("The model knows no character of this text.")
        return float(np.concatenate(bits)[known].mean())

    def sample(
        self, length: int, *, temperature: float | int = 1.0, start: str = "", seed: int = 0
    ) -> str:
        """Write a text.

        Args:
            length: Characters to write.
            temperature: Characters are drawn from softmax(scores / temperature): below 1 the
                text is safer, above 1 wilder; 0 always takes the likeliest.
            start: Text to go on with; it is not repeated. An empty one stands for the beginning of
                a line.
            seed: Of the draws. The first characters are the same for every length.

        Returns:
            `length` characters; never the padding, nor a character that the model does not know.

        Raises:
            DataError: If the start holds characters that the model does not know.
            RecipeError: If length or temperature is out of range.
        """
        check_is_fitted(self, "model_")
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 0:
            raise RecipeError(f"length must be a whole number, at least 0; got {length!r}.")
        if not isinstance(temperature, Real) or not 0 <= float(temperature) < np.inf:
            raise RecipeError(f"temperature must be a number, at least 0; got {temperature!r}.")
        vocabulary = self._vocabulary()
        begun = self._numbers(start, "refuse") if start else self._beginning()
        plan = np.concatenate([begun[1:], np.full(int(length), DRAW, np.int32)])
        model, memory, token = self.model_, blank_memory(self.model_.network), begun[0]
        written, n_given = [], len(begun) - 1
        warmth = np.asarray(temperature, dtype_of(model.network))
        with precision(dtype_of(model.network)):
            for begin in range(0, len(plan), CHUNK):
                piece = plan[begin : begin + CHUNK]
                given = np.pad(piece, (0, CHUNK - len(piece)), constant_values=DRAW)
                numbers = np.int32(begin - n_given), np.uint32(seed % 2**32)
                drawn, token, memory = write(
                    model.network, model.states, memory, token, given, *numbers, warmth
                )
                written.append(np.asarray(drawn)[: len(piece)])
        if not written:
            return ""
        return vocabulary.decode(np.concatenate(written)[n_given:])

    def _numbers(self, text: str, unseen: str) -> Int32[np.ndarray, " characters"]:
        check_is_fitted(self, "model_")
        if unseen not in ("refuse", "skip"):
            raise RecipeError(f"unseen must be 'refuse' or 'skip'; got {unseen!r}.")
        numbers = self._vocabulary().encode_text(text)
        if unseen == "refuse" and (numbers == UNKNOWN).any():
            strange = sorted({text[i] for i in np.flatnonzero(numbers == UNKNOWN)})
            shown = ", ".join(map(repr, strange[:10])) + (", …" if len(strange) > 10 else "")
            raise DataError(
                f"The model does not know {len(strange)} of the characters: {shown}. Leave them "
                "out, or train on a text that has them."
            )
        return numbers

    def _beginning(self) -> Int32[np.ndarray, " one"]:
        """Return the number of a line break, or of the commonest character."""
        number = self._vocabulary().vocabulary.number.get("\n", len(SPECIAL))
        return np.array([number], np.int32)

    def _vocabulary(self) -> TextPreprocessor:
        check_is_fitted(self, "model_")
        assert isinstance(self.model_.preprocessor, TextPreprocessor)  # `fit` made it
        return self.model_.preprocessor


def _one_text(text: Any) -> str:
    if isinstance(text, bytes):
        return decode_text(text, "the text")
    if not isinstance(text, str):
        raise DataError(f"Expected one text, str or bytes; came {type(text).__name__}.")
    return text
