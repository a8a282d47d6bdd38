"""From one perceptron to the multi-layer perceptron, in functions that fit on a page.

`unit` is the perceptron itself, `learning` its rule, `boundary` and `separability` what it can
and cannot divide, `multilayer` what several of them do together, `regions` how they cut space,
`graph` networks as descriptions, `training` a small network on a small table.
"""

from gradlab.nn.perceptron.boundary import Boundary, decision_boundary
from gradlab.nn.perceptron.graph import (
    Edge,
    NodeNetwork,
    build_network,
    find_cycle,
    hidden_layers,
    is_feed_forward,
    run_network,
)
from gradlab.nn.perceptron.images import LETTER_Y, flatten, shift
from gradlab.nn.perceptron.learning import LearningHistory, learning_pass, learning_rule
from gradlab.nn.perceptron.multilayer import (
    XOR_HIDDEN,
    XOR_OUTPUT,
    collapse_linear,
    draw_theta,
    forward,
    layer,
    nested,
    parallel_perceptrons,
    parameter_count,
    xor_network,
)
from gradlab.nn.perceptron.regions import grid, partition_map, region_count, region_map
from gradlab.nn.perceptron.separability import (
    best_perceptron,
    is_linearly_separable,
    separating_perceptron,
)
from gradlab.nn.perceptron.tables import AND, OR, WEATHER, XOR, Table
from gradlab.nn.perceptron.unit import Coding, perceptron, share_right, step, weighted_sum
from gradlab.nn.perceptron.weather import Outputs, three_outputs

__all__ = [
    "AND",
    "LETTER_Y",
    "OR",
    "WEATHER",
    "XOR",
    "XOR_HIDDEN",
    "XOR_OUTPUT",
    "Boundary",
    "Coding",
    "Edge",
    "LearningHistory",
    "NodeNetwork",
    "Outputs",
    "Table",
    "best_perceptron",
    "build_network",
    "collapse_linear",
    "decision_boundary",
    "draw_theta",
    "find_cycle",
    "flatten",
    "forward",
    "grid",
    "hidden_layers",
    "is_feed_forward",
    "is_linearly_separable",
    "layer",
    "learning_pass",
    "learning_rule",
    "nested",
    "parallel_perceptrons",
    "parameter_count",
    "partition_map",
    "perceptron",
    "region_count",
    "region_map",
    "run_network",
    "separating_perceptron",
    "share_right",
    "shift",
    "step",
    "three_outputs",
    "weighted_sum",
    "xor_network",
]
