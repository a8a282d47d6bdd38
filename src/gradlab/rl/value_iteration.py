"""Exact values of a model: the reference that agents are measured against.

With P(k | s, a) the outcomes of an action, and v(s') counted as 0 after an end:
    q(s, a) = Σ_k P(k | s, a) (r_k + γ v(s'_k)),        v(s) = max_a q(s, a)
All of it in float64.
"""

from dataclasses import dataclass

import numpy as np

from gradlab.errors import DataError, RecipeError
from gradlab.rl.model import TransitionModel


@dataclass(frozen=True, eq=False)
class Values:
    """Exact values.

    Attributes:
        values: v(s), shape (states,).
        q_values: q(s, a), shape (states, actions).
        policy: A best action in each state, the first among equals, int, shape (states,).
        sweeps: How many times all states were updated.
        change: Largest change of a value in the last sweep. For γ < 1 the values are within
            change * γ / (1 - γ) of the true ones.
    """

    values: np.ndarray
    q_values: np.ndarray
    policy: np.ndarray
    sweeps: int
    change: float

    def start_value(self, model: TransitionModel) -> float:
        """Return the mean return of the best policy from the start."""
        return float(model.start @ self.values)


def value_iteration(
    model: TransitionModel,
    discount: float = 0.99,
    *,
    tolerance: float = 1e-10,
    max_sweeps: int = 100_000,
    horizon: int | None = None,
) -> Values:
    """Return the optimal values of a model by repeated one-step look-ahead.

    Args:
        model: What can happen.
        discount: γ, 0 <= γ <= 1; 1 needs a model whose best course ends.
        tolerance: Largest change of a value at which to stop.
        max_sweeps: Give up after as many.
        horizon: Exactly as many sweeps: the best mean return in so many steps, what an
            environment with that time limit allows.

    Raises:
        RecipeError: If discount is not in [0, 1].
        DataError: If the values still change after `max_sweeps`.

    >>> import gradlab.rl as rl
    >>> value_iteration(rl.chain(4).model, 0.9).values.round(3).tolist()
    [0.729, 0.81, 0.9, 1.0]

    Source: Sutton & Barto 2018, section 4.4.
    """
    check_discount(discount)
    values = np.zeros(model.n_states)
    change, sweep, most = np.inf, 0, horizon or max_sweeps
    q_values = look_ahead(model, values, discount)
    while sweep < most:
        if sweep > 0:
            q_values = look_ahead(model, values, discount)
        before, values = values, q_values.max(axis=1)
        change, sweep = float(np.abs(values - before).max()), sweep + 1
        if horizon is None and change <= tolerance * max(1.0, float(np.abs(values).max())):
            return Values(values, q_values, q_values.argmax(axis=1), sweep, change)
    if horizon is None:
        raise DataError(
            f"Values still change by {change:.3g} after {max_sweeps} sweeps: with "
            f"discount={discount} they may grow without end. Take a discount below 1."
        )
    return Values(values, q_values, q_values.argmax(axis=1), sweep, change)


def policy_evaluation(model: TransitionModel, policy: np.ndarray, discount: float = 0.99) -> Values:
    """Return the values of a given policy, from one linear system, (I - γ P) v = r.

    Args:
        model: What can happen.
        policy: An action for each state, int (states,), or probabilities, (states, actions).
        discount: γ, 0 <= γ <= 1; 1 needs a policy that ends from everywhere it can get.

    `policy` of the result is greedy on these values: an improvement, or the policy itself.

    Raises:
        RecipeError: If discount is not in [0, 1], or the policy has another shape or names actions
            that don't exist.
        DataError: If discount is 1 and the policy may go on for ever.

    >>> import gradlab.rl as rl, numpy as np
    >>> forward = np.ones(4, int)
    >>> policy_evaluation(rl.chain(4).model, forward, 0.9).values.round(3).tolist()
    [0.729, 0.81, 0.9, 1.0]
    """
    check_discount(discount)
    share = policy_shares(model, policy)
    n = model.n_states
    weight = share[:, :, None] * model.probability
    goes_on = np.where(model.ended, 0.0, weight)
    transition = np.zeros((n, n))
    np.add.at(transition, (np.arange(n)[:, None, None], model.next_state), goes_on)
    reward = (weight * model.reward).sum(axis=(1, 2))
    try:
        values = np.linalg.solve(np.eye(n) - discount * transition, reward)
    except np.linalg.LinAlgError:
        values = np.full(n, np.inf)
    sound = np.isfinite(values).all() and _solves(values, transition, reward, discount)
    if not sound:
        raise DataError(
            f"With discount={discount} this policy has no finite values: it may go on for ever. "
            "Take a discount below 1."
        )
    q_values = look_ahead(model, values, discount)
    return Values(values, q_values, q_values.argmax(axis=1), 1, 0.0)


def policy_iteration(model: TransitionModel, discount: float = 0.99) -> Values:
    """Return the optimal values by evaluating a policy exactly and making it greedy, in turn.

    Raises:
        RecipeError: If discount is not in [0, 1).

    >>> import gradlab.rl as rl
    >>> policy_iteration(rl.chain(4).model, 0.9).values.round(3).tolist()
    [0.729, 0.81, 0.9, 1.0]

    Source: Howard 1960; Sutton & Barto 2018, section 4.3.
    """
    check_discount(discount)
    if discount == 1:
        raise RecipeError(
            "policy_iteration needs discount < 1: an early policy may go on for ever. "
            "Take value_iteration."
        )
    policy, rows, sweep = np.zeros(model.n_states, int), np.arange(model.n_states), 0
    while True:
        found, sweep = policy_evaluation(model, policy, discount), sweep + 1
        # An action is changed only for a real gain, or rounding would swap equals for ever.
        gain = found.q_values.max(axis=1) - found.q_values[rows, policy]
        better = gain > 1e-12 * np.maximum(1.0, np.abs(found.values))
        if not better.any():
            change = float(np.abs(found.q_values.max(axis=1) - found.values).max())
            return Values(found.values, found.q_values, policy, sweep, change)
        policy = np.where(better, found.policy, policy)


def look_ahead(model: TransitionModel, values: np.ndarray, discount: float) -> np.ndarray:
    """Return q(s, a) of one step followed by `values`, shape (states, actions)."""
    follows = np.where(model.ended, 0.0, values[model.next_state])
    return (model.probability * (model.reward + discount * follows)).sum(axis=2)


def policy_shares(model: TransitionModel, policy: np.ndarray) -> np.ndarray:
    """Return a policy as probabilities, shape (states, actions), whichever form it has."""
    policy = np.asarray(policy)
    expected = (model.n_states, model.n_actions)
    if policy.shape == expected[:1] and policy.dtype.kind in "iu":
        if ((policy < 0) | (policy >= expected[1])).any():
            raise RecipeError(
                f"A policy names actions 0 … {expected[1] - 1}; got {policy.min()} … "
                f"{policy.max()}."
            )
        return np.eye(expected[1])[policy]
    if policy.shape != expected or (policy < 0).any() or np.abs(policy.sum(1) - 1).max() > 1e-6:
        raise RecipeError(
            f"A policy is one action for each state, int {expected[:1]}, or probabilities, "
            f"{expected}; got {policy.dtype} of shape {policy.shape}."
        )
    return policy.astype(float)


def check_discount(discount: float) -> None:
    """Raise a RecipeError if discount is not in [0, 1]."""
    if not 0 <= discount <= 1:
        raise RecipeError(f"discount must be a number from 0 to 1; got {discount}.")


def _solves(
    values: np.ndarray, transition: np.ndarray, reward: np.ndarray, discount: float
) -> bool:
    # A singular matrix may pass as a solvable one after rounding, with huge values.
    error = np.abs(values - discount * transition @ values - reward).max()
    return bool(error <= 1e-6 * max(1.0, float(np.abs(reward).max()))) and bool(
        np.abs(values).max() < 1e12 * max(1.0, float(np.abs(reward).max()))
    )
