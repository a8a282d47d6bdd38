"""Agents with a table of values, alone and by the thousand."""

from gradlab.rl.tabular.agents import AGENTS, DoubleQ, QLearning, Sarsa, TabularAgent
from gradlab.rl.tabular.algorithms import ALGORITHMS
from gradlab.rl.tabular.population import AgentSettings, TabularRuns, train_agents

__all__ = [
    "AGENTS",
    "ALGORITHMS",
    "AgentSettings",
    "DoubleQ",
    "QLearning",
    "Sarsa",
    "TabularAgent",
    "TabularRuns",
    "train_agents",
]
