"""The picture of loadings."""

import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.plots.loadings import loadings_figure


def test_the_heaviest_columns_come_first_and_numbers_are_written():
    figure = loadings_figure(np.array([[0.1, 0.2], [-0.9, 0.0]]), ["a", "b"], ["PC 1", "PC 2"])
    heat, numbers = figure.data
    assert figure.layout.yaxis.ticktext == ("b", "a")
    assert heat.zmax == -heat.zmin == 0.9
    assert numbers.text == ("−0.90", "0.00", "0.10", "0.20")


def test_many_components_have_a_scale_instead_of_numbers():
    figure = loadings_figure(np.eye(9), list("abcdefghi"), [f"{i}" for i in range(9)], most=4)
    assert len(figure.data) == 1
    assert figure.data[0].showscale
    assert len(figure.layout.yaxis.ticktext) == 4


def test_names_must_match():
    with pytest.raises(DataError, match="need as many names"):
        loadings_figure(np.eye(2), ["a"], ["x", "y"])
