"""TextClassifier: texts in, labels out, and what is refused."""

import numpy as np
import polars as pl
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.estimators import TextClassifier

WORDS = {"+": ["good", "fine", "splendid", "lovely"], "-": ["bad", "awful", "dull", "poor"]}


@pytest.fixture(scope="module")
def texts():
    """Short texts with one word of praise or blame among others."""
    random = np.random.default_rng(0)
    labels = random.choice(["+", "-"], 120)
    others = ["the", "film", "was", "a", "very", "day", "so"]
    made = [
        " ".join(random.permutation([*random.choice(others, 4), random.choice(WORDS[label])]))
        for label in labels
    ]
    return made, labels


def classifier(**settings) -> TextClassifier:
    return TextClassifier(
        **{"layers": "bag", "epochs": 15, "learning_rate": 0.03, "random_state": 0, **settings}
    )


def test_it_learns_which_words_tell(texts):
    x, y = texts
    model = classifier().fit(x[:90], y[:90])
    assert model.score(x[90:], y[90:]) > 0.9
    assert model.predict(["A lovely DAY!", "awful"]).tolist() == ["+", "-"]


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_a_recurrent_one(texts, cell):
    x, y = texts
    model = classifier(layers=["embedding 8", "recurrent 8"], cell=cell, epochs=25).fit(x, y)
    assert model.score(x, y) > 0.9


def test_texts_may_come_as_a_column_or_as_bytes(texts):
    x, y = texts
    plain = classifier(epochs=2).fit(x, y).predict_proba(x)
    for same in (np.array(x), pl.Series(x), tuple(x), [text.encode() for text in x]):
        np.testing.assert_array_equal(classifier(epochs=2).fit(same, y).predict_proba(same), plain)


def test_characters_as_tokens(texts):
    x, y = texts
    model = classifier(tokens="characters", epochs=1).fit(x, y)
    assert all(len(symbol) == 1 for symbol in model.model_.preprocessor.symbols[2:])


def test_unseen_words_and_blank_texts_get_an_answer(texts):
    model = classifier().fit(*texts)
    unknown, blank = model.predict_proba(["zounds gadzooks", ""])
    np.testing.assert_array_equal(unknown, model.predict_proba(["hark lo"])[0])
    assert np.isfinite(blank).all()


def test_the_vocabulary_is_that_of_the_training_rows(texts):
    x, y = texts
    model = classifier(max_vocabulary=10).fit(x, y, validation=(["zounds good"], ["+"]))
    assert len(model.model_.preprocessor.symbols) == 10
    assert "zounds" not in model.model_.preprocessor.symbols
    assert np.isfinite(model.history_["validation_loss"]).all()


def test_long_texts_lose_their_end(texts):
    x, y = texts
    model = classifier(max_length=2, epochs=1).fit(x, y)
    assert model.model_.interface.input_shape == (2,)
    both = model.predict_proba(["the film", "the film is anything but good"])
    np.testing.assert_array_equal(both[0], both[1])


@pytest.mark.parametrize(
    ("x", "match"),
    [
        ("one text", "Expected several texts; came one"),
        (["a", 3.5], "Text 2 is 3.5, a float; expected str"),
        (["a", None], "Text 2 is None"),
        ([b"caf\xe9", b"b"], "text 1, line 1: byte 0xE9 is not UTF-8"),
        (["", " "], "hold no token"),
    ],
)
def test_what_is_no_text_is_refused(x, match):
    with pytest.raises(DataError, match=match):
        classifier().fit(x, [0, 1])


def test_layers_for_numbers_are_refused(texts):
    with pytest.raises(RecipeError, match="Begin with 'embedding 32'"):
        classifier(layers=["lstm 4"]).fit(*texts)


def test_a_file_predicts_the_same_bits_and_trains_on(texts, tmp_path):
    x, y = texts
    model = classifier(epochs=2, warm_start=True).fit(x, y)
    loaded = TextClassifier.load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
    assert loaded.predict(x).dtype == model.predict(x).dtype
    np.testing.assert_array_equal(
        loaded.fit(x, y).predict_proba(x), model.fit(x, y).predict_proba(x)
    )
    passes = model.partial_fit(["brand new words"], ["+"])  # unknown ones, not an error
    assert passes.n_epochs_ == 5
