"""What people type after an option."""

import pytest

from gradlab.cli.options import as_options, assignment, parse_set, parse_vary
from gradlab.errors import RecipeError
from gradlab.training.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hidden=64,64", {"hidden": (64, 64)}),
        ("hidden=64x32", {"hidden": (64, 32)}),
        ("hidden=64", {"hidden": (64,)}),
        ("hidden=0", {"hidden": ()}),
        ("hidden=linear", {"hidden": ()}),
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


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("leave it out with drop=('alive',).", "leave it out with --drop alive."),
        ("(task='regression' for a quantity)", "(--task regression for a quantity)"),
        ("Target: 'y' (target='…' for another).", "Target: 'y' (--target … for another)."),
        ("Leave groups= or time= out.", "Leave --groups or --time out."),
        ("with header=False, or header=True", "with --no-header, or --header"),
        ("patience=3 never stops a run of epochs=3", "patience=3 never stops a run of epochs=3"),
        ("latest = 3, best=4", "latest = 3, best=4"),
    ],
)
def test_advice_is_given_in_options(said, shown):
    assert as_options(said) == shown
