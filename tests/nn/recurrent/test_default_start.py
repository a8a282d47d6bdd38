"""What the kernels of recurrent cells begin with."""

import jax
import numpy as np
import pytest

from gradlab.nn.recurrent import GRUCell, LSTMCell, RNNCell
from gradlab.nn.recurrent.zoo import (
    BidirectionalGridLSTMCell,
    CoupledLSTMCell,
    GridLSTMCell,
    GroupedLSTMCell,
    IntersectionRNNCell,
    LayerNormLSTMCell,
    NASCell,
    PeepholeLSTMCell,
    PhasedLSTMCell,
    TimeFrequencyLSTMCell,
    UGRNNCell,
)
from gradlab.nn.weights import Weights

CELLS = {
    "rnn": RNNCell.create,
    "lstm": LSTMCell.create,
    "gru": GRUCell.create,
    "coupled": CoupledLSTMCell.create,
    "grid": lambda *given: GridLSTMCell.create(*given, feature_size=48),
    "grid_both_ways": BidirectionalGridLSTMCell.create,
    "grouped": lambda *given: GroupedLSTMCell.create(*given, n_groups=2),
    "intersection": IntersectionRNNCell.create,
    "layer_norm": LayerNormLSTMCell.create,
    "nas": NASCell.create,
    "peephole": PeepholeLSTMCell.create,
    "phased": PhasedLSTMCell.create,
    "time_frequency": lambda *given: TimeFrequencyLSTMCell.create(*given, feature_size=48),
    "ugrnn": UGRNNCell.create,
}


def kernels(cell):
    # Peepholes are diagonals, no kernels: they start at 0.
    return [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(cell)
        if path[-1].name.startswith("weight") and path[-1].name != "weight_peephole"
    ]


@pytest.mark.catalogue("INI-09")
@pytest.mark.parametrize("create", CELLS.values(), ids=CELLS)
def test_kernels_lie_within_the_glorot_bound_of_their_own_shape(create):
    found = kernels(create(Weights(), 48, 48))
    assert len(found) >= 2
    for kernel in found:
        bound = np.sqrt(6 / sum(kernel.shape[-2:]))
        reached = np.abs(kernel).max() / bound
        assert 0.98 < reached <= 1  # all of the range, and nothing beyond
        assert np.std(kernel) == pytest.approx(bound / np.sqrt(3), rel=0.05)


@pytest.mark.catalogue("INI-09")
def test_a_gru_takes_an_initialiser_of_its_own():
    by_name = GRUCell.create(Weights("lecun_uniform"), 12, 32)
    assert np.abs(by_name.weight_recurrent).max() == pytest.approx(np.sqrt(3 / 32), rel=0.01)
    own = GRUCell.create(Weights(lambda draw, n_in, n_out: 0 * draw + 0.25), 3, 4)
    for kernel in kernels(own):
        assert (kernel == 0.25).all()


def test_a_name_takes_each_gate_as_a_matrix_of_its_own():
    gates, plain = (
        create(Weights("xavier_uniform"), 40, 40) for create in (LSTMCell.create, RNNCell.create)
    )
    bound = np.sqrt(6 / 80)
    for kernel in (gates.weight_input, plain.weight_input):
        assert 0.98 < np.abs(kernel).max() / bound <= 1
