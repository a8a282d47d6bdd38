"""The deep Q-network as an estimator."""

import json
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.files import write_whole
from gradlab.nn.activations import ACTIVATIONS
from gradlab.optim import OPTIMIZERS
from gradlab.rl.deep.greedy import Episode, Evaluation, evaluate_network, greedy_episode
from gradlab.rl.deep.learning import Hyper, Loop, Structure
from gradlab.rl.deep.q_network import encode, q_network, q_values
from gradlab.rl.deep.training import (
    Goal,
    Member,
    Outcome,
    Progress,
    loop_of,
    train_members,
)
from gradlab.rl.environment import Environment

EVALUATION_SEED = 1_000_000
"""Of `evaluate` by default."""


class DQN:
    """A network that learns the values of actions by acting, and acts by them.

        Q(s, a) → r + γ max_a' Q'(s', a'),    where s' follows action a in state s with reward r

    Every step is remembered; every `learn_every` steps a random batch of memories moves Q towards
    that goal, whose values come from Q', an older copy of Q. Acting, remembering, drawing and
    learning are one compiled loop. `fit_many` trains several seeds side by side on all cores, each
    bitwise as it would come out alone.

    Args:
        hidden: Units of the hidden layers.
        activation: Name in ACTIVATIONS.
        optimizer: Name in OPTIMIZERS.
        learning_rate: Of the optimizer.
        discount: γ, from 0 to 1: what a reward is worth one step later.
        epsilon: Chance of a random action at the start.
        final_epsilon: The same from step `epsilon_steps` on; it falls in a straight line.
        epsilon_steps: See there.
        temperature: Draws actions from softmax(Q / temperature) instead of taking the best; 0
            takes the best.
        batch_size: Memories of an update.
        replay_size: Memories kept; the oldest are written over. Rounded up to a multiple of
            `learn_every`.
        learn_every: Steps between two updates.
        warm_up: Steps before the first update.
        target_every: Steps after which Q' is updated.
        target_rate: How far it goes then: 1 copies Q, less is Polyak averaging, e.g. 0.005 with
            target_every=1.
        error_clip: Error beyond which the loss is linear (Huber). Mnih et al. clip at 1 with
            rewards of at most 1 that come rarely. Where a reward comes every step, values grow to
            1 / (1 - γ), and a clip of 1 lets the many small errors outvote the rare large one of
            a fall: on cart-pole it does not learn in 60,000 steps, where 10 takes 24,000. inf is
            the plain square.
        double: Whether Q chooses the action in s' and Q' only values it (van Hasselt et al. 2016).
        random_state: Seed of initial weights, exploration, batches and the environment.

    Attributes:
        returns_: Return of each training episode, shape (episodes,), not discounted.
        ends_: Step at which each ended.
        losses_: Mean loss of each call of about 2,000 steps.
        solved_at_: Step at which the environment's goal, or the one given, was met; None if never.
        status_: "done", "solved" or "diverged".
        steps_: Steps taken.
        seconds_: Time it took, compilation included.
        network_: The network.
        environment_: What it was trained in.

    Source: Mnih et al. 2015, https://doi.org/10.1038/nature14236, algorithm 1. Differences: one
    observation instead of four frames; Adam for RMSProp; the clip.

    >>> from gradlab.rl import chain
    >>> agent = DQN(hidden=(16,), learning_rate=0.01, discount=0.9, learn_every=1, warm_up=64,
    ...             epsilon_steps=400, target_every=20)
    >>> agent.fit(chain(4), steps=1500).act(np.arange(4)).tolist()
    [1, 1, 1, 1]
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (64, 64),
        activation: str = "relu",
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        discount: float = 0.99,
        epsilon: float = 1.0,
        final_epsilon: float = 0.05,
        epsilon_steps: int = 10_000,
        temperature: float = 0.0,
        batch_size: int = 64,
        replay_size: int = 10_000,
        learn_every: int = 4,
        warm_up: int = 1000,
        target_every: int = 500,
        target_rate: float = 1.0,
        error_clip: float = 10.0,
        double: bool = False,
        random_state: int = 0,
    ):
        """Keep the settings; they are checked by `fit`."""
        self.hidden = tuple(hidden)
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.discount = discount
        self.epsilon = epsilon
        self.final_epsilon = final_epsilon
        self.epsilon_steps = epsilon_steps
        self.temperature = temperature
        self.batch_size = batch_size
        self.replay_size = replay_size
        self.learn_every = learn_every
        self.warm_up = warm_up
        self.target_every = target_every
        self.target_rate = target_rate
        self.error_clip = error_clip
        self.double = double
        self.random_state = random_state

    def fit(
        self,
        environment: Environment,
        *,
        steps: int = 50_000,
        goal: Goal | None = None,
        stop_when_solved: bool = False,
        listen: Callable[[Progress], None] | None = None,
    ) -> "DQN":
        """Train from the start and return self.

        Args:
            environment: What to act in.
            steps: How many; rounded up to equal calls of about 2,000.
            goal: When it counts as solved; by default the environment's own `solved_return`, over
                100 training episodes in a row.
            stop_when_solved: End with the call that met the goal.
            listen: Called after each call.

        Raises:
            RecipeError: If a setting makes no sense.
            DataError: If the environment breaks its contract or returns a reward that is not
                finite.
        """
        fit_many(
            [self],
            environment,
            steps=steps,
            goal=goal,
            stop_when_solved=stop_when_solved,
            listen=listen,
        )
        return self

    def q_values(self, observations: Any) -> Float[np.ndarray, "batch actions"]:
        """Return the values of all actions for a batch of observations."""
        return np.asarray(q_values(self._fitted(), jnp.asarray(self._encoded(observations))))

    def act(self, observations: Any) -> np.ndarray:
        """Return the best action for each of a batch of observations."""
        return self.q_values(observations).argmax(axis=1)

    def evaluate(self, *, episodes: int = 100, seed: int = EVALUATION_SEED) -> Evaluation:
        """Play episodes with the best action always, from starts that training has not seen."""
        if episodes < 1:
            raise RecipeError(f"evaluate plays at least one episode; got episodes={episodes}.")
        return evaluate_network(self._loop, self._arrays(), episodes=episodes, seed=seed)

    def episode(self, *, seed: int = EVALUATION_SEED, steps: int = 500) -> Episode:
        """Record one such episode of at most so many steps."""
        return greedy_episode(self._loop, self._arrays(), seed=seed, steps=steps)

    def save(self, path: str | Path) -> Path:
        """Write settings and weights to a safetensors file; the environment is not in it."""
        from safetensors.numpy import save

        arrays = jax.tree.leaves(self._arrays())
        content = {
            "class": "DQN",
            "settings": self.settings(),
            "environment": self.environment_.name,
            "features": int(arrays[0].shape[0]),
            "n_actions": int(self.environment_.n_actions),
        }
        tensors = {f"{i:03d}": np.ascontiguousarray(array) for i, array in enumerate(arrays)}
        tensors["returns"], tensors["ends"] = self.returns_, self.ends_
        return write_whole(path, save(tensors, {"gradlab": json.dumps(content)}))

    @classmethod
    def load(cls, path: str | Path, environment: Environment) -> "DQN":
        """Read a network that acts in the given environment.

        Raises:
            DataError: If the file can't be read, is no DQN, or was made for an environment of
                other observations or actions.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="np") as file:
                content = json.loads((file.metadata() or {}).get("gradlab", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, json.JSONDecodeError) as error:
            raise DataError(f"{path} can't be read as a saved DQN: {error}.") from error
        if content.get("class") != "DQN":
            raise DataError(f"{path} holds no DQN. Give a file that DQN.save has written.")
        agent = cls(**content["settings"])
        loop = loop_of(environment, agent.structure())
        if (loop.features, environment.n_actions) != (content["features"], content["n_actions"]):
            raise DataError(
                f"{path} was trained in '{content['environment']}' with {content['features']} "
                f"inputs and {content['n_actions']} actions; '{environment.name}' has "
                f"{loop.features} and {environment.n_actions}. Give the environment it was "
                "trained in."
            )
        agent._loop, agent.environment_ = loop, environment
        agent.returns_, agent.ends_ = tensors.pop("returns"), tensors.pop("ends")
        arrays = eqx.partition(agent._template(), eqx.is_array)[0]
        leaves = [jnp.asarray(tensors[name]) for name in sorted(tensors)]
        agent.network_ = loop.whole(jax.tree.unflatten(jax.tree.structure(arrays), leaves))
        return agent

    def settings(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {name: getattr(self, name) for name in signature(DQN).parameters}

    def structure(self) -> Structure:
        """Return what of the settings is part of the compiled program."""
        every = self.learn_every
        return Structure(
            hidden=self.hidden,
            activation=self.activation.lower(),
            optimizer=self.optimizer.lower(),
            batch_size=self.batch_size,
            replay_size=-(-self.replay_size // every) * every,
            learn_every=every,
            double=self.double,
        )

    def hyper(self) -> Hyper:
        """Return what of the settings is a number."""
        return Hyper(**{name: getattr(self, name) for name in Hyper._fields})

    def check(self) -> "DQN":
        """Raise a RecipeError if a setting makes no sense; return self."""
        if self.activation.lower() not in ACTIVATIONS:
            raise RecipeError(unknown("activation", self.activation, ACTIVATIONS))
        if self.optimizer.lower() not in OPTIMIZERS:
            raise RecipeError(unknown("optimizer", self.optimizer, OPTIMIZERS))
        for name in ("batch_size", "replay_size", "learn_every", "target_every"):
            _whole(name, getattr(self, name), 1)
        for name in ("epsilon_steps", "warm_up"):
            _whole(name, getattr(self, name), 0)
        for units in self.hidden:
            _whole("hidden", units, 1)
        _within("learning_rate", self.learning_rate, above=0.0)
        _within("error_clip", self.error_clip, above=0.0, infinite=True)
        _within("target_rate", self.target_rate, above=0.0, most=1.0)
        _within("temperature", self.temperature, least=0.0)
        for name in ("discount", "epsilon", "final_epsilon"):
            _within(name, getattr(self, name), least=0.0, most=1.0)
        if self.warm_up < self.learn_every:
            return self
        if self.replay_size < self.learn_every:
            raise RecipeError(
                f"replay_size={self.replay_size} holds less than the {self.learn_every} steps "
                "between two updates (learn_every). Make it larger."
            )
        return self

    def take(self, outcome: Outcome, loop: Loop) -> "DQN":
        """Become what a training came to; return self."""
        self._loop, self.environment_ = loop, loop.environment
        self.returns_, self.ends_ = outcome.returns, outcome.ends
        self.losses_, self.steps_ = outcome.losses, outcome.steps
        self.status_, self.solved_at_ = outcome.status, outcome.solved_at
        self.seconds_ = outcome.seconds
        self.network_ = loop.whole(jax.tree.map(jnp.asarray, outcome.network))
        return self

    def _template(self) -> Any:
        loop = self._loop
        return q_network(
            loop.features,
            self.hidden,
            loop.environment.n_actions,
            activation=self.activation.lower(),
            seed=None,
        )

    def _fitted(self) -> Any:
        if not hasattr(self, "network_"):
            raise DataError("This DQN has not been trained. Call fit(environment) first.")
        return self.network_

    def _arrays(self) -> Any:
        return eqx.partition(self._fitted(), eqx.is_array)[0]

    def _encoded(self, observations: Any) -> Any:
        self._fitted()
        seen = np.asarray(observations)
        shape = self.environment_.observation_shape
        if self.environment_.n_observations is not None:
            shape = ()
        if seen.shape[1:] != tuple(shape) or seen.ndim != 1 + len(shape):
            wanted = ", ".join(["batch", *map(str, shape)])
            raise DataError(
                f"Observations of '{self.environment_.name}' come as an array of shape ({wanted}); "
                f"got {seen.shape}."
            )
        return jax.vmap(lambda one: encode(self.environment_, one))(jnp.asarray(seen))


def fit_many(
    agents: Sequence[DQN],
    environment: Environment,
    *,
    steps: int = 50_000,
    goal: Goal | None = None,
    stop_when_solved: bool = False,
    workers: int | None = None,
    listen: Callable[[Progress], None] | None = None,
) -> Sequence[DQN]:
    """Train agents that differ in numbers and seeds side by side; see `DQN.fit`.

    Agents of another structure (widths, optimizer, batch size, …) come after one another, a
    compiled program each.

    >>> from gradlab.rl import chain
    >>> agents = [DQN(hidden=(16,), learn_every=1, random_state=seed) for seed in range(2)]
    >>> [agent.status_ for agent in fit_many(agents, chain(4), steps=200)]
    ['done', 'done']
    """
    _whole("steps", steps, 1)
    if goal is None and environment.solved_return is not None:
        goal = Goal(environment.solved_return)
    groups: dict[Structure, list[int]] = {}
    for i, agent in enumerate(agents):
        groups.setdefault(agent.check().structure(), []).append(i)
    for structure, places in groups.items():
        loop = loop_of(environment, structure)
        members = [Member(agents[i].hyper(), agents[i].random_state) for i in places]
        for news in train_members(
            loop,
            members,
            steps,
            goal=goal,
            stop_when_solved=stop_when_solved,
            workers=workers,
        ):
            if isinstance(news, Outcome):
                agents[places[news.index]].take(news, loop)
            elif listen is not None:
                listen(Progress(places[news.index], news.steps, news.total, news.mean_return))
    return agents


def _whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise RecipeError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def _within(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = np.inf,
    infinite: bool = False,
) -> None:
    ok = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    ok = ok and (infinite or np.isfinite(value)) and not np.isnan(value)
    ok = ok and (least is None or value >= least) and (above is None or value > above)
    if not (ok and value <= most):
        low = f"at least {least:g}" if least is not None else f"above {above:g}"
        high = f" and at most {most:g}" if most != np.inf else ""
        raise RecipeError(f"{name} must be a number {low}{high}; got {value!r}.")
