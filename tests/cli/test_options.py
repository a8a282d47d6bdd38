"""What people type after an option."""

import pytest

from gradlab.cli.options import as_options


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("leave it out with drop=('alive',).", "leave it out with --drop alive."),
        ("(task='regression' for a quantity)", "(--task regression for a quantity)"),
        ("Target: 'y' (target='…' for another).", "Target: 'y' (--target … for another)."),
        ("Leave groups= or time= out.", "Leave --groups or --time out."),
        ("with header=False, or header=True", "with --no-header, or --header"),
        ("(kind='regression' for the other)", "(--kind regression for the other)"),
        ("Give prediction=, or scores=", "Give --predicted, or --scores"),
        ("as truth_from=.", "as the second argument."),
        ("name all classes with classes=.", "name all classes with classes= in Python."),
        ("set shrinkage='auto' to use", "set shrinkage='auto' in Python to use"),
        ("patience=3 never stops a run of epochs=3", "patience=3 never stops a run of epochs=3"),
        ("latest = 3, best=4", "latest = 3, best=4"),
    ],
)
def test_advice_is_given_in_options(said, shown):
    assert as_options(said) == shown
