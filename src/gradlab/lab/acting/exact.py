"""What a policy is worth, and what the best one is, by the model: no episode is played.

Returns are not discounted here, as they are told in rooms, steps and goals; a time limit is a
number of sweeps.
"""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from gradlab.rl import TransitionModel
from gradlab.rl.environment import Environment
from gradlab.rl.value_iteration import value_iteration

MOST_SWEEPS = 20_000
SETTLED = 1e-10
"""Change of a value, as a share of the largest, from which on sweeps change no digit shown."""


def shares_of(
    q_values: Float[np.ndarray, "observations actions"],
) -> Float[np.ndarray, "observations actions"]:
    """Return how a greedy agent acts: the best action, among equals each alike.

    Where it has never been all values are equal, and it wanders; always taking the first of them
    would be another policy.

    >>> shares_of(np.array([[0.0, 0.0], [1.0, 2.0]])).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    best = q_values == q_values.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)


def mean_return(
    model: TransitionModel,
    shares: Float[np.ndarray, "observations actions"],
    limit: int | None,
) -> float:
    """Return the mean return of an episode under a policy, from the model's starts.

    v_{k+1}(s) = Σ_a π(a | s) Σ P(s' | s, a) (r + v_k(s')), `limit` times, or until nothing changes;
    NaN if the policy's return grows without end.

    Args:
        model: What can happen.
        shares: π, the chance of each action at each observation.
        limit: Steps of an episode; None for no limit.

    >>> from gradlab.rl import chain
    >>> mean_return(chain(4).model, np.array([[0.0, 1.0]] * 4), None)
    1.0
    """
    seen = np.arange(model.n_states) if model.observation is None else model.observation
    weight = shares[seen][:, :, None] * model.probability
    rows, actions, outcomes = np.nonzero(weight * model.reachable[:, None, None])
    weight = weight[rows, actions, outcomes]
    n = model.n_states
    reward = np.bincount(rows, weight * model.reward[rows, actions, outcomes], minlength=n)
    goes_on = ~model.ended[rows, actions, outcomes]
    rows, weight = rows[goes_on], weight[goes_on]
    states = model.next_state[rows, actions[goes_on], outcomes[goes_on]]
    transition = csr_array((weight, (rows, states)), shape=(n, n))
    values = np.zeros(n)
    for _ in range(limit or MOST_SWEEPS):
        after = reward + transition @ values
        change = float(np.abs(after - values).max())
        values = after
        if change <= SETTLED * max(1.0, float(np.abs(values).max())):
            return float(model.start @ values)
    return float(model.start @ values) if limit else float("nan")


def best_return(environment: Environment) -> float | None:
    """Return the best mean return of an episode that any policy can have; None without a model.

    Where the agent sees less than the whole state, it is that of one who sees all.
    """
    model = environment.model
    if model is None:
        return None
    limit = environment.time_limit
    # Without a limit the best course ends, or the environment could not be learnt at all.
    return value_iteration(model, 1.0, horizon=limit).start_value(model)


def best_values(environment: Environment, discount: float) -> Float[np.ndarray, "states actions"]:
    """Return the optimal discounted values of all actions, which learning goes towards."""
    if environment.model is None:
        raise ValueError("There is no model.")
    return value_iteration(environment.model, discount).q_values
