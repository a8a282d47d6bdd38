"""CharLanguageModel: what it learns, what it writes, and what it refuses."""

import time

import jax
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.estimators import CharLanguageModel
from gradlab.estimators.generation import CHUNK
from gradlab.training.predict import forward

TEXT = "the cat sat on the mat.\n" * 60
SETTINGS = {
    "layers": ["embedding 8", "gru 24"],
    "window": 31,  # no multiple of the sentence: windows begin anywhere in it
    "learning_rate": 0.02,
    "random_state": 0,
}


def language_model(**settings) -> CharLanguageModel:
    return CharLanguageModel(**{**SETTINGS, **settings})


@pytest.fixture(scope="module")
def trained():
    return language_model(epochs=25).fit(TEXT)


@pytest.fixture(scope="module")
def fresh():
    return language_model(epochs=1, learning_rate=1e-9).fit(TEXT)


class TestBits:
    def test_what_repeats_costs_little(self, trained, fresh):
        assert trained.bits_per_character(TEXT) < 0.2
        n = len(set(TEXT))
        # A network that has learnt nothing is about as good as guessing evenly.
        assert abs(fresh.bits_per_character(TEXT) - np.log2(n)) < 0.8

    def test_they_are_those_of_the_networks_own_scores(self, trained):
        text = TEXT[3:60]
        numbers = trained.model_.preprocessor.encode_text(text)
        scores = forward(trained.model_.network, trained.model_.states, numbers[None])[0, :-1]
        scores = scores[:, 2:].astype(np.float64)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        bits = -logs[np.arange(len(text) - 1), numbers[1:] - 2].mean() / np.log(2)
        assert trained.bits_per_character(text) == pytest.approx(bits, rel=1e-4)

    def test_the_state_is_carried_across_calls(self, trained, monkeypatch):
        from gradlab.estimators import language_model as module

        whole = trained.bits_per_character(TEXT[:500])
        monkeypatch.setattr(module, "READ_CHUNK", 64)
        assert trained.bits_per_character(TEXT[:500]) == pytest.approx(whole, rel=1e-4)

    def test_unseen_characters(self, trained):
        with pytest.raises(DataError, match=r"does not know 2 of the characters: 'X', 'Z'"):
            trained.bits_per_character("the cat saZ on Xhe mat.")
        assert np.isfinite(trained.bits_per_character("the caZ sat", unseen="skip"))
        with pytest.raises(DataError, match="knows no character"):
            trained.bits_per_character("ZZZ", unseen="skip")
        with pytest.raises(RecipeError, match="unseen must be 'refuse' or 'skip'; got 'drop'"):
            trained.bits_per_character("the", unseen="drop")

    @pytest.mark.parametrize("text", ["", "t"])
    def test_a_text_without_a_second_character(self, trained, text):
        with pytest.raises(DataError, match="at least 2 characters"):
            trained.bits_per_character(text)


class TestSamples:
    def test_the_likeliest_text(self, trained):
        assert trained.sample(30, temperature=0, start="the c") == TEXT[5:35]
        assert trained.sample(23, temperature=0) == TEXT[:23]

    def test_their_length_and_their_beginning(self, trained):
        for length in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3):
            assert len(trained.sample(length, start="the", seed=5)) == length
        long = trained.sample(2 * CHUNK, temperature=2, seed=3)
        assert long.startswith(trained.sample(40, temperature=2, seed=3))
        after = trained.sample(CHUNK, temperature=2, start="cat " * CHUNK, seed=3)
        assert len(after) == CHUNK

    def test_a_seed_repeats_and_another_differs(self, fresh):
        assert fresh.sample(50, seed=1) == fresh.sample(50, seed=1)
        assert fresh.sample(50, seed=1) != fresh.sample(50, seed=2)

    def test_draws_follow_the_probabilities(self, fresh):
        # The next character after "\n", drawn 600 times, against softmax(scores / temperature).
        numbers = fresh.model_.preprocessor.encode_text("\n")
        scores = forward(fresh.model_.network, fresh.model_.states, numbers[None])[0, 0, 2:]
        for temperature in (0.3, 1.0):
            wanted = np.exp(scores / temperature)
            wanted /= wanted.sum()
            drawn = [fresh.sample(1, seed=s, temperature=temperature) for s in range(600)]
            found = np.array([drawn.count(c) for c in fresh.characters_]) / 600
            standard_error = np.sqrt(wanted * (1 - wanted) / 600)
            assert (np.abs(found - wanted) < 4.5 * standard_error + 1e-3).all()

    def test_padding_and_unknown_are_never_written(self, fresh):
        text = fresh.sample(3000, temperature=50.0)
        assert set(text) == set(TEXT)

    def test_writing_is_fast(self, trained):
        trained.sample(CHUNK)
        began = time.perf_counter()
        trained.sample(20 * CHUNK)
        assert (time.perf_counter() - began) / (20 * CHUNK) < 1e-3  # some 20 µs on an idle core

    def test_what_cannot_be_written_is_said(self, trained):
        with pytest.raises(DataError, match="does not know 1 of the characters: 'Q'"):
            trained.sample(5, start="Q")
        with pytest.raises(RecipeError, match="length must be a whole number"):
            trained.sample(-1)
        with pytest.raises(RecipeError, match="temperature must be a number, at least 0"):
            trained.sample(3, temperature=-0.5)


class TestTraining:
    @pytest.mark.parametrize(
        ("layers", "why"),
        [
            (["embedding 8", "gru 8 bidirectional"], "layer 2, .* reads backwards"),
            (["embedding 8", "gru 8 last"], "keeps the last step alone"),
            (["embedding 8", "conv 8 3"], "does not go step by step"),
        ],
    )
    def test_layers_that_look_ahead_are_refused(self, layers, why):
        with pytest.raises(RecipeError, match=why):
            language_model(layers=layers).fit(TEXT)

    def test_deep_ones_write_too(self):
        layers = ["embedding 8", "lstm 8", "rnn 8", "dense 8 norm layer tanh dropout 0.1"]
        model = language_model(layers=layers, epochs=1).fit(TEXT)
        assert len(model.sample(5)) == 5
        numbers = model.model_.preprocessor.encode_text(TEXT[:20])
        scores = forward(model.model_.network, model.model_.states, numbers[None])[0]
        greedy = model.sample(1, start=TEXT[:20], temperature=0)
        assert greedy == model.characters_[scores[-1, 2:].argmax()]

    def test_validation_windows_are_the_last_of_the_text(self):
        model = language_model(epochs=3, validation_fraction=0.25)
        model.fit(TEXT + "zqx" * 100)
        assert set("zqx").isdisjoint(model.characters_)  # learnt on the training part alone
        assert np.isfinite(model.history_["validation_loss"]).all()

    def test_a_text_must_be_one_and_long_enough(self):
        with pytest.raises(DataError, match="two windows of 31 and the one behind need 63"):
            language_model().fit("too short")
        with pytest.raises(DataError, match="Expected one text, str or bytes; came list"):
            language_model().fit(["a", "b"])
        with pytest.raises(DataError, match="byte 0xE9 is not UTF-8"):
            language_model().fit("café".encode("latin-1") * 30)
        with pytest.raises(DataError, match="one symbol only"):
            language_model().fit("a" * 100)

    def test_a_file_writes_the_same_text_and_trains_on(self, tmp_path):
        model = language_model(epochs=2, warm_start=True).fit(TEXT)
        loaded = CharLanguageModel.load(model.save(tmp_path / "model.safetensors"))
        assert loaded.sample(60, seed=4) == model.sample(60, seed=4)
        assert loaded.bits_per_character(TEXT) == model.bits_per_character(TEXT)
        assert loaded.fit(TEXT).sample(60) == model.fit(TEXT).sample(60)
        with pytest.raises(RecipeError, match="windows of 31 characters; got window=12"):
            model.set_params(window=12).fit(TEXT)

    def test_the_process_setting_changes_nothing(self, trained, float64):
        inside = trained.sample(50, seed=1)
        with jax.enable_x64(False):
            assert trained.sample(50, seed=1) == inside
