"""Settings as people type them, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.errors import RecipeError
from gradlab.lab.words import assignment, parse_level, parse_set, parse_vary, written
from gradlab.training.recipe import Recipe


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("adam", "adam"),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("32", 32),
        ("64x32", (64, 32)),
        ("none", None),
        ("True", True),
        (" sgd ", "sgd"),
        ("x", "x"),
    ],
)
def test_a_word_means_a_level(word, level):
    assert parse_level(word) == level
    assert type(parse_level(word)) is type(level)


@given(
    st.floats(allow_nan=False)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.lists(st.integers(0, 999), min_size=2).map(tuple)
)
def test_what_is_written_is_read(level):
    assert repr(parse_level(written(level))) == repr(level)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hidden=64,64", {"hidden": (64, 64)}),
        ("hidden=64x32", {"hidden": (64, 32)}),
        ("hidden=64", {"hidden": (64,)}),
        ("hidden=0", {"hidden": ()}),
        ("hidden=linear", {"hidden": ()}),
        ("layers=dense 8", {"layers": ("dense 8",)}),
        ("layers=linear", {"layers": "linear"}),
        ("batch-size=16", {"batch_size": 16}),
        ("batch_size=full", {"batch_size": "full"}),
        ("activation=relu", {"activation": "relu"}),
        ("norm=none", {"norm": "none"}),
        ("patience=none", {"patience": None}),
        ("shuffle=false", {"shuffle": False}),
        ("learning_rate=1e-3", {"learning_rate": 0.001}),
        ("optimizer.beta1=0.5", {"optimizer.beta1": 0.5}),
    ],
)
def test_set_gives_a_field_of_the_recipe(text, fields):
    assert parse_set([text]) == fields
    Recipe().replace(**fields)


@pytest.mark.parametrize(
    ("text", "vary"),
    [
        ("optimizer=sgd,adam", {"optimizer": ["sgd", "adam"]}),
        ("optimizer = sgd, adam ,", {"optimizer": ["sgd", "adam"]}),
        ("hidden=0,64,64x32", {"hidden": [(), (64,), (64, 32)]}),
        ("dropout=0,0.2", {"dropout": [0, 0.2]}),
        ("norm=none,batch", {"norm": ["none", "batch"]}),
        ("patience=none,3", {"patience": [None, 3]}),
        ("optimizer.beta1=0.5,0.9", {"optimizer.beta1": [0.5, 0.9]}),
    ],
)
def test_vary_gives_levels(text, vary):
    assert parse_vary([text]) == vary


def test_nothing_varied_is_the_default_study():
    assert parse_vary([]) is None


@pytest.mark.parametrize("text", ["", "optimizer", "=sgd", "optimizer=", " = "])
def test_half_an_assignment_is_refused_with_an_example(text):
    with pytest.raises(RecipeError, match=r"--vary takes name=value, as --vary optimizer=sgd,adam"):
        assignment(text, "--vary")


@pytest.mark.parametrize("text", ["dropout=,", "hidden= , ,"])
def test_a_value_of_commas_is_none(text):
    with pytest.raises(RecipeError, match=r"--set takes name=value, as --set dropout=0.2; got"):
        parse_set([text])


@pytest.mark.parametrize("parse", [parse_set, parse_vary])
def test_a_setting_given_twice_is_refused(parse):
    with pytest.raises(RecipeError, match="batch_size is given twice"):
        parse(["batch_size=4", "batch-size=8"])


def test_true_is_no_width():
    with pytest.raises(RecipeError, match="hidden"):
        Recipe().replace(**parse_set(["hidden=true"]))
