"""The k-armed bandit: exploration and nothing else."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gradlab.errors import RecipeError
from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment


def bandit(
    means: Sequence[float] | np.ndarray | None = None,
    *,
    arms: int = 10,
    rewards: Literal["normal", "bernoulli"] = "normal",
    noise: float = 1.0,
    seed: int = 0,
) -> Environment:
    """Return a bandit of k arms: one state, each pull is an episode.

    Args:
        means: Mean reward of each arm; None draws `arms` of them, from a standard normal
            distribution ("normal") or uniform in [0, 1] ("bernoulli").
        arms: Number of arms if no means are given.
        rewards: "normal": mean plus normal noise; "bernoulli": 1 with probability mean, else 0.
        noise: Standard deviation of normal rewards.
        seed: Seed of the drawn means.

    Raises:
        RecipeError: If there are no arms, a mean is not finite, noise is negative, or a Bernoulli
            mean is no probability.

    >>> bandit([0.2, 0.8], rewards="bernoulli").model.expected_reward.tolist()
    [[0.2, 0.8]]

    Source: Sutton & Barto 2018, section 2.3 (the 10-armed testbed).
    """
    if means is None:
        if arms < 1:
            raise RecipeError(f"A bandit needs at least one arm; got arms={arms}.")
        draw = np.random.default_rng(seed)
        means = draw.standard_normal(arms) if rewards == "normal" else draw.random(arms)
    mean = np.asarray(means, float).ravel()
    if len(mean) == 0 or not np.isfinite(mean).all():
        raise RecipeError(f"A bandit needs at least one finite mean; got {list(mean)}.")
    if not (noise >= 0 and np.isfinite(noise)):
        raise RecipeError(f"noise must be a finite number >= 0; got {noise}.")
    if rewards == "bernoulli" and ((mean < 0) | (mean > 1)).any():
        raise RecipeError(f"Means of Bernoulli rewards lie in 0 … 1; got {list(mean)}.")
    model = _normal_model(mean, noise) if rewards == "normal" else _bernoulli_model(mean)
    return numbered_environment(
        "bandit",
        model,
        time_limit=1,
        action_names=tuple(f"arm {arm}" for arm in range(len(mean))),
        drawing=Drawing(("?" * len(mean),), legend={"?": "arm"}),
    )


def _normal_model(mean: np.ndarray, noise: float) -> TransitionModel:
    shape = (1, len(mean), 1)
    return TransitionModel(
        probability=np.ones(shape),
        next_state=np.zeros(shape, np.int32),
        reward=mean.reshape(shape),
        ended=np.ones(shape, bool),
        start=np.ones(1),
        reward_noise=np.full(shape, noise) if noise > 0 else None,
    )


def _bernoulli_model(mean: np.ndarray) -> TransitionModel:
    shape = (1, len(mean), 2)
    return TransitionModel(
        probability=np.stack([1 - mean, mean], axis=-1)[None],
        next_state=np.zeros(shape, np.int32),
        reward=np.broadcast_to(np.array([0.0, 1.0]), shape).copy(),
        ended=np.ones(shape, bool),
        start=np.ones(1),
    )
