"""Reinforcement learning: environments that compile, agents, exact references.

>>> import gradlab.rl as rl
>>> environment = rl.frozen_lake("4x4")
>>> rl.check_environment(environment).n_observations
16
"""

from gradlab.rl.bridge import from_gymnasium, to_gymnasium
from gradlab.rl.environment import Drawing, Environment, check_environment
from gradlab.rl.environments import (
    ENVIRONMENTS,
    bandit,
    cart_pole,
    chain,
    cliff,
    frozen_lake,
    grid_world,
    taxi,
    vacuum,
)
from gradlab.rl.episodes import Trajectory, discounted_return, evaluate, regret, rollout
from gradlab.rl.exploration import (
    EXPLORATIONS,
    Exploration,
    epsilon_greedy,
    greedy,
    softmax,
    ucb,
)
from gradlab.rl.keys import Key, fold, seed_key
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment
from gradlab.rl.tabular import (
    AGENTS,
    ALGORITHMS,
    AgentSettings,
    DoubleQ,
    QLearning,
    Sarsa,
    TabularRuns,
    train_agents,
)
from gradlab.rl.value_iteration import (
    Values,
    policy_evaluation,
    policy_iteration,
    value_iteration,
)
from gradlab.rl.wrappers import (
    History,
    with_memory,
    with_observation,
    with_reward,
    without_model,
)

__all__ = [
    "AGENTS",
    "ALGORITHMS",
    "ENVIRONMENTS",
    "EXPLORATIONS",
    "AgentSettings",
    "DoubleQ",
    "Drawing",
    "Environment",
    "Exploration",
    "History",
    "Key",
    "QLearning",
    "Sarsa",
    "TabularRuns",
    "Trajectory",
    "TransitionModel",
    "Values",
    "bandit",
    "cart_pole",
    "chain",
    "check_environment",
    "cliff",
    "discounted_return",
    "epsilon_greedy",
    "evaluate",
    "fold",
    "from_gymnasium",
    "frozen_lake",
    "greedy",
    "grid_world",
    "numbered_environment",
    "policy_evaluation",
    "policy_iteration",
    "regret",
    "rollout",
    "seed_key",
    "softmax",
    "taxi",
    "to_gymnasium",
    "train_agents",
    "ucb",
    "vacuum",
    "value_iteration",
    "with_memory",
    "with_observation",
    "with_reward",
    "without_model",
]
