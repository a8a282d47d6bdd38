"""Long texts in windows: every token is a target once, and parts have none in common."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data import load_dataset, split_rows
from gradlab.data.fitting import fit_preprocessor
from gradlab.data.text.next_token import in_vocabulary, next_token_dataset
from gradlab.data.text.preprocessor import TextPreprocessor
from gradlab.data.text.tokens import tokenize
from gradlab.errors import DataError

POEM = "the cat sat on the mat, and the dog sat by it.\n" * 20


@given(
    st.text(alphabet="ab c'é.\n", min_size=20, max_size=120),
    st.integers(1, 5),
    st.sampled_from(["characters", "words"]),
)
def test_y_is_x_one_token_later(text, window, kind):
    sequence = tokenize(text, kind)
    if len(sequence) < 2 * window + 1 or len(set(sequence[: 2 * window + 1])) < 2:
        return
    data = next_token_dataset(text, window=window, tokens=kind)
    used = data.n_rows * window
    assert used + 1 <= len(sequence) < used + window + 1
    again = [part for row in data.features.texts for part in tokenize(row, kind)]
    assert again == sequence[:used]
    assert [data.classes[code] for code in data.y.ravel()] == sequence[1 : used + 1]


def test_parts_are_stretches_of_the_text_without_a_target_in_common():
    data = next_token_dataset(POEM, window=10)
    split = split_rows(data)
    parts = [split.train, split.validation, split.test]
    assert np.concatenate(parts).tolist() == list(range(data.n_rows))
    ends = [(data.time[part].min(), data.until[part].max()) for part in parts]
    assert ends[0][1] < ends[1][0] <= ends[1][1] < ends[2][0]


def test_vocabulary_and_targets_come_from_the_training_part():
    data = next_token_dataset(POEM + "Zebra! Zebra! Zebra! Zebra!", window=10)
    split = split_rows(data)
    fitted = fit_preprocessor(data.features, split.train)
    assert "Z" not in fitted.symbols
    assert "Z" in data.classes
    assert fitted.input_shape == (10,)
    assert fitted.lengths(data.features) is None
    x, mapped = fitted.transform(data.features), in_vocabulary(data, fitted)
    assert mapped.classes == fitted.symbols
    flat_x, flat_y = x.ravel(), mapped.y.ravel()
    np.testing.assert_array_equal(flat_x[1:], flat_y[:-1])  # the same numbers in x and y
    assert mapped.y[split.train].min() >= 2
    assert (mapped.y == 1).any()


def test_a_file_is_read_with_window_alone(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_bytes(POEM.replace("\n", "\r\n").encode())
    data = load_dataset(path, window=16)
    assert (data.task, data.y.shape, data.y.dtype) == ("multiclass", (58, 16), np.int32)
    assert data.fingerprint == next_token_dataset(POEM, window=16, name="poem").fingerprint
    assert load_dataset(path, window=16, tokens="words").target_name == "next word"
    told = data.describe()
    assert "one text in windows of 16 characters" in told[0]
    assert "16 a row" in told[1]
    assert "'\\n'" in told[1]


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has 6 characters; .* need 21"):
        next_token_dataset("abcdef", window=10)
    with pytest.raises(DataError, match="one symbol only"):
        next_token_dataset("a" * 50, window=10)
    with pytest.raises(DataError, match="at least 1; got 0"):
        next_token_dataset(POEM, window=0)
    data = next_token_dataset(POEM, window=10)
    with pytest.raises(DataError, match="cut into windows of characters"):
        TextPreprocessor.fit(data.features, tokens="words")
    with pytest.raises(DataError, match="next_token_dataset for a text in memory"):
        load_dataset(["a"], window=10)
    with pytest.raises(DataError, match="There is no file"):
        load_dataset(tmp_path / "poem.txt", window=10)
