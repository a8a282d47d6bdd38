"""Networks that learn to act: the deep Q-network."""

from gradlab.rl.deep.dqn import DQN, fit_many
from gradlab.rl.deep.greedy import Episode, Evaluation
from gradlab.rl.deep.training import Goal, Progress

__all__ = ["DQN", "Episode", "Evaluation", "Goal", "Progress", "fit_many"]
