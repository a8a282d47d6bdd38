"""gradlab list."""

import pytest

from gradlab.cli.listing import FAMILIES
from gradlab.data import BUILTIN
from gradlab.nn.activations import ACTIVATIONS
from gradlab.nn.initializers import INITIALIZERS
from gradlab.nn.losses import LOSSES
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.optim import OPTIMIZERS
from gradlab.optim.schedules import SCHEDULES
from gradlab.training.reduction import METHODS

MEMBERS = {
    "optimizer": OPTIMIZERS,
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "norm": NORMALIZATIONS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "reduce": METHODS,
    "data": BUILTIN,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_names_every_member(family, gradlab, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    said = gradlab("list", family)
    assert said.code == 0
    first_words = [line.split()[0] for line in said.out.splitlines() if line.strip()]
    assert first_words[0] == family
    assert set(MEMBERS[family]) <= set(first_words)


@pytest.mark.parametrize(
    ("word", "family"),
    [
        ("optimizers", "optimizer"),
        ("Initializers", "init"),
        ("initialisation", "init"),
        ("normalization", "norm"),
        ("losses", "loss"),
        ("loss", "loss"),
        ("schedules", "schedule"),
        ("data", "data"),
    ],
)
def test_takes_the_words_that_people_use(word, family, gradlab):
    assert gradlab("list", word).out == gradlab("list", family).out


def test_lists_all_families(gradlab):
    said = gradlab("list")
    for family in FAMILIES:
        assert f"\n{family} " in "\n" + said.out


def test_shows_parameters_as_they_are_written(gradlab, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = gradlab("list", "optimizer")
    assert "optimizer.beta1=0.9, optimizer.beta2=0.999" in said.out


def test_fits_a_narrow_terminal(gradlab, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = gradlab("list").out.splitlines()
    assert max(map(len, lines)) <= 60
