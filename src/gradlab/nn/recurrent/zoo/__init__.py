"""Recurrent cells beyond RNN, LSTM and GRU."""

from gradlab.nn.recurrent.zoo.bidirectional_grid_lstm import (
    BidirectionalGridLSTMCell as BidirectionalGridLSTMCell,
)
from gradlab.nn.recurrent.zoo.coupled_lstm import CoupledLSTMCell as CoupledLSTMCell
from gradlab.nn.recurrent.zoo.grid_lstm import GridLSTMCell as GridLSTMCell
from gradlab.nn.recurrent.zoo.grouped_lstm import GroupedLSTMCell as GroupedLSTMCell
from gradlab.nn.recurrent.zoo.intersection_rnn import IntersectionRNNCell as IntersectionRNNCell
from gradlab.nn.recurrent.zoo.layer_norm_lstm import LayerNormLSTMCell as LayerNormLSTMCell
from gradlab.nn.recurrent.zoo.nas import NASCell as NASCell
from gradlab.nn.recurrent.zoo.peephole_lstm import PeepholeLSTMCell as PeepholeLSTMCell
from gradlab.nn.recurrent.zoo.phased_lstm import PhasedLSTMCell as PhasedLSTMCell
from gradlab.nn.recurrent.zoo.phased_lstm import PhasedState as PhasedState
from gradlab.nn.recurrent.zoo.time_frequency_lstm import (
    TimeFrequencyLSTMCell as TimeFrequencyLSTMCell,
)
from gradlab.nn.recurrent.zoo.ugrnn import UGRNNCell as UGRNNCell

ZOO: dict[str, type] = {
    "ugrnn": UGRNNCell,
    "intersection_rnn": IntersectionRNNCell,
    "peephole_lstm": PeepholeLSTMCell,
    "coupled_lstm": CoupledLSTMCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "grouped_lstm": GroupedLSTMCell,
    "phased_lstm": PhasedLSTMCell,
    "nas": NASCell,
    "time_frequency_lstm": TimeFrequencyLSTMCell,
    "grid_lstm": GridLSTMCell,
    "bidirectional_grid_lstm": BidirectionalGridLSTMCell,
}
"""Name -> cell class, to be made with `create(weights, n_inputs, n_units, ...)`."""
