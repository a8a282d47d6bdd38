"""Every number of one step of training: forwards, loss, backwards, update, forwards again."""

from gradlab.explanation.chain_rule import Chain, chain_rule
from gradlab.explanation.cost import GradientCost, dense_cost
from gradlab.explanation.examples import EXAMPLES
from gradlab.explanation.explain import explain
from gradlab.explanation.explanation import Explanation
from gradlab.explanation.finite_differences import Differences, central_differences

__all__ = [
    "EXAMPLES",
    "Chain",
    "Differences",
    "Explanation",
    "GradientCost",
    "central_differences",
    "chain_rule",
    "dense_cost",
    "explain",
]
