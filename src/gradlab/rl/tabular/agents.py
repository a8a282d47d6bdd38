"""Agents that keep a value for every observation and action: fit, then act."""

from dataclasses import replace

import numpy as np

from gradlab.errors import RecipeError, unknown
from gradlab.rl.environment import Environment
from gradlab.rl.exploration import EXPLORATIONS, Exploration
from gradlab.rl.tabular.population import AgentSettings, Progress, TabularRuns, train_agents


class TabularAgent:
    """What the agents share: settings in, values out. Use `QLearning`, `Sarsa` or `DoubleQ`.

    Args:
        learning_rate: α, 0 < α <= 1, or one for each episode; 1 is the deterministic update.
        visit_power: p; the N-th update of a value uses α / N^p.
        discount: γ, 0 <= γ <= 1.
        exploration: A name from `EXPLORATIONS`, or what one of these functions returns.
        initial_value: Every value at the start.
        random_state: Seed of the agent and of its environment.

    Attributes:
        q_values_: Values, shape (observations, actions).
        policy_: Action of the highest value in each observation.
        returns_: Sum of rewards of each training episode.
        lengths_: Steps of each.
        visits_: How often each action was taken, shape (observations, actions).
        runs_: All of it as `TabularRuns`.
    """

    algorithm: str

    def __init__(
        self,
        *,
        learning_rate: float | np.ndarray = 0.1,
        visit_power: float = 0.0,
        discount: float = 0.99,
        exploration: str | Exploration = "epsilon_greedy",
        initial_value: float = 0.0,
        random_state: int = 0,
    ):
        self.learning_rate = learning_rate
        self.visit_power = visit_power
        self.discount = discount
        self.exploration = exploration
        self.initial_value = initial_value
        self.random_state = random_state

    def settings(self) -> AgentSettings:
        """Return the settings as a member of a population."""
        exploration = self.exploration
        if isinstance(exploration, str):
            if exploration not in EXPLORATIONS:
                raise RecipeError(unknown("exploration", exploration, EXPLORATIONS))
            exploration = EXPLORATIONS[exploration]()
        return AgentSettings(
            learning_rate=self.learning_rate,
            visit_power=self.visit_power,
            discount=self.discount,
            exploration=exploration,
            initial_value=self.initial_value,
            seed=self.random_state,
        )

    def fit(
        self, environment: Environment, *, episodes: int = 500, progress: Progress | None = None
    ) -> "TabularAgent":
        """Learn by playing `episodes` episodes; return self.

        Raises:
            RecipeError: If a setting is out of its range.
            DataError: If the environment breaks its contract or its episodes don't end.
        """
        self.runs_: TabularRuns = train_agents(
            environment, self.algorithm, [self.settings()], episodes=episodes, progress=progress
        )
        self.q_values_ = self.runs_.q_values[0]
        self.policy_ = self.runs_.policies[0]
        self.returns_ = self.runs_.returns[0]
        self.lengths_ = self.runs_.lengths[0]
        self.visits_ = self.runs_.visits[0] if self.runs_.visits is not None else None
        return self

    def fit_seeds(
        self, environment: Environment, seeds: int | list[int], *, episodes: int = 500
    ) -> TabularRuns:
        """Train as many agents of these settings as there are seeds, at once."""
        seeds = list(range(seeds)) if isinstance(seeds, int) else seeds
        members = [replace(self.settings(), seed=seed) for seed in seeds]
        return train_agents(environment, self.algorithm, members, episodes=episodes)

    def act(self, observation: int) -> int:
        """Return the action of the highest value.

        Raises:
            RecipeError: If the agent has not been fitted.
        """
        if not hasattr(self, "policy_"):
            raise RecipeError(f"{type(self).__name__} must be fitted before it acts. Call fit.")
        return int(self.policy_[int(observation)])


class QLearning(TabularAgent):
    """Q-learning: Q(s, a) <- (1 - α) Q(s, a) + α (r + γ max_a' Q(s', a')).

    It learns the value of acting best from now on, whatever it tries meanwhile. With
    learning_rate=1 it is the deterministic update of the documents, exact where every action has
    one outcome. Settings and results as in `TabularAgent`.

    >>> import gradlab.rl as rl
    >>> agent = QLearning(learning_rate=1.0, discount=0.9).fit(rl.chain(4), episodes=50)
    >>> [round(float(value), 3) for value in agent.q_values_.max(axis=1)]
    [0.729, 0.81, 0.9, 1.0]

    Source: Watkins & Dayan 1992, https://doi.org/10.1007/BF00992698
    """

    algorithm = "q_learning"


class Sarsa(TabularAgent):
    """Sarsa: Q(s, a) <- (1 - α) Q(s, a) + α (r + γ Q(s', a')), a' the action taken next.

    It learns the value of acting as it does, mistakes included: on the cliff it keeps off the edge.

    >>> import gradlab.rl as rl
    >>> agent = Sarsa(learning_rate=0.5).fit(rl.chain(4), episodes=200)
    >>> agent.policy_.tolist()
    [1, 1, 1, 1]

    Source: Sutton & Barto 2018, section 6.4.
    """

    algorithm = "sarsa"


class DoubleQ(TabularAgent):
    """Double Q-learning: two tables; one picks the best next action, the other says its value.

    Q-learning's maximum over noisy values is too large on average; this one's is not. Each update
    goes to one of both, drawn anew; the agent acts on their mean.

    >>> import gradlab.rl as rl
    >>> agent = DoubleQ(learning_rate=0.5).fit(rl.chain(4), episodes=200)
    >>> agent.policy_.tolist()
    [1, 1, 1, 1]

    Source: van Hasselt 2010, algorithm 1.
    """

    algorithm = "double_q"


AGENTS = {"q_learning": QLearning, "sarsa": Sarsa, "double_q": DoubleQ}
