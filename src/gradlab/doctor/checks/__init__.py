"""Checks before training: facts about data, and what they and the setting let one expect."""

from gradlab.doctor.checks.capacity import Capacity, capacity
from gradlab.doctor.checks.facts import data_facts
from gradlab.doctor.checks.initial_loss import constant_answer_loss, expected_initial_loss
from gradlab.doctor.checks.reach import out_of_reach
from gradlab.doctor.checks.starting_weights import StartingWeights, doubtful_weights

__all__ = [
    "Capacity",
    "StartingWeights",
    "capacity",
    "constant_answer_loss",
    "data_facts",
    "doubtful_weights",
    "expected_initial_loss",
    "out_of_reach",
]
