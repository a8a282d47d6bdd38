"""Recurrent cells, wrappers of cells, layers that run them over sequences, and small models."""

from gradlab.nn.recurrent.bidirectional import Bidirectional as Bidirectional
from gradlab.nn.recurrent.cell import Cell as Cell
from gradlab.nn.recurrent.cell import FusedCell as FusedCell
from gradlab.nn.recurrent.cell import StepKey as StepKey
from gradlab.nn.recurrent.cell import of_sequence as of_sequence
from gradlab.nn.recurrent.decoder import Decoder as Decoder
from gradlab.nn.recurrent.embedding import Embedding as Embedding
from gradlab.nn.recurrent.gru import GRUCell as GRUCell
from gradlab.nn.recurrent.layer import Recurrent as Recurrent
from gradlab.nn.recurrent.lstm import LSTMCell as LSTMCell
from gradlab.nn.recurrent.lstm import LSTMState as LSTMState
from gradlab.nn.recurrent.over_time import OverTime as OverTime
from gradlab.nn.recurrent.rnn import RNNCell as RNNCell
from gradlab.nn.recurrent.stacked import StackedCells as StackedCells
from gradlab.nn.recurrent.structures import STRUCTURES as STRUCTURES
from gradlab.nn.recurrent.structures import OneToMany as OneToMany
from gradlab.nn.recurrent.structures import SequenceToSequence as SequenceToSequence
from gradlab.nn.recurrent.structures import delayed as delayed
from gradlab.nn.recurrent.structures import many_to_many as many_to_many
from gradlab.nn.recurrent.structures import many_to_one as many_to_one
from gradlab.nn.recurrent.structures import one_to_many as one_to_many
from gradlab.nn.recurrent.structures import one_to_one as one_to_one
from gradlab.nn.recurrent.through_time import gradient_through_time as gradient_through_time
from gradlab.nn.recurrent.unroll import unroll as unroll
from gradlab.nn.recurrent.wrappers import WRAPPERS as WRAPPERS
from gradlab.nn.recurrent.zoo import ZOO as ZOO

CELLS: dict[str, type[Cell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell, **ZOO}
"""Name -> cell class, to be made with `create(weights, n_inputs, n_units, ...)`."""
