"""What an agent learns towards: the target of each algorithm, on tables of values.

After action a in state s gave reward r and led to s', every one of them moves a value,
    Q(s, a) <- (1 - α) Q(s, a) + α (r + γ bootstrap(s')),
and they differ in the bootstrap. With α = 1 this is the deterministic update of the documents,
Q(s, a) <- r + γ max_a' Q(s', a').
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from gradlab.rl.exploration import largest


class Algorithm(NamedTuple):
    """An algorithm on tables.

    `bootstrap(rows, action, table)` gives what follows, shape (agents,), from the values in s',
    rows[table][action], the action chosen there and the number of the table that is updated.
    """

    name: str
    n_tables: int
    bootstrap: Callable
    on_policy: bool
    source: str


Row = Sequence[Float[Array, " agents"]]
"""Values of the first action, of the second, …"""


def _q_learning(rows: Sequence[Row], action, table) -> Float[Array, " agents"]:
    """max_a' Q(s', a')."""
    del action, table
    return largest(rows[0])


def _sarsa(rows: Sequence[Row], action, table) -> Float[Array, " agents"]:
    """Q(s', a') of the action a' that the agent takes next."""
    del table
    return pick(rows[0], action)


def _double_q(rows: Sequence[Row], action, table) -> Float[Array, " agents"]:
    """Q_other(s', argmax_a' Q_this(s', a')): the table that chooses does not judge."""
    del action
    first = table == 0
    value = jnp.where(first, rows[0][0], rows[1][0])
    judged = jnp.where(first, rows[1][0], rows[0][0])
    for one, other in zip(rows[0][1:], rows[1][1:], strict=True):
        this = jnp.where(first, one, other)
        judged = jnp.where(this > value, jnp.where(first, other, one), judged)
        value = jnp.maximum(this, value)
    return judged


def pick(
    row: Sequence[Num[Array, " agents"]], action: Int[Array, " agents"]
) -> Num[Array, " agents"]:
    """Return the value of each agent's action."""
    chosen = row[0]
    for number, value in enumerate(row[1:], start=1):
        chosen = jnp.where(action == number, value, chosen)
    return chosen


ALGORITHMS = {
    "q_learning": Algorithm("q_learning", 1, _q_learning, False, "Watkins & Dayan 1992"),
    "sarsa": Algorithm("sarsa", 1, _sarsa, True, "Rummery & Niranjan 1994"),
    "double_q": Algorithm("double_q", 2, _double_q, False, "van Hasselt 2010, algorithm 1"),
}
