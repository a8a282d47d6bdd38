"""What the laboratory knows about an optimizer besides its formula."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import optax
from jaxtyping import PyTree

from gradlab.scalars import NonNegative

Factory = Callable[..., optax.GradientTransformation]
"""`factory(learning_rate, *, …)`: called inside the traced step, so its numbers may be traced and
the learning rate may be another one at every step; the state never depends on it."""


def _unchanged(params: PyTree, state: PyTree, parameters: dict) -> PyTree:
    del state, parameters
    return params


@dataclass(frozen=True)
class OptimizerKind:
    """An optimizer as a choice: its factory, and what to say about it.

    Args:
        name: Name in recipes and on the command line.
        factory: `factory(learning_rate, *, …) -> optax.GradientTransformation`.
        learning_rate: The usual value, around which a comparison tunes.
        parents: Names of the kinds it descends from.
        changes: What it changes in its parents' step: its direction, its size, or both.
        formula: The update, for tables.
        benefit: What it is good at, in one clause.
        limit: What it costs or where it fails, in one clause.
        source: Paper and year.
        evaluation_params: `(params, state, parameters) -> params`: the weights to evaluate and to
            store. Nesterov's methods train the look-ahead point and give w here; for all others
            it is the identity. `parameters` are the factory's keyword arguments.
        documented: What the course documents hold of it; "picture only" for Nadam.
    """

    name: str
    factory: Factory
    learning_rate: float
    parents: tuple[str, ...]
    changes: Literal["direction", "size", "both"]
    formula: str
    benefit: str
    limit: str
    source: str
    evaluation_params: Callable[[PyTree, PyTree, dict], PyTree] = _unchanged
    documented: Literal["formula", "picture only", "no"] = "formula"


def learning_rate_grid(kind: OptimizerKind, n: int = 5) -> tuple[float, ...]:
    """Return n learning rates a factor √10 apart: the usual one, n // 3 below it, the rest above.

    Usual rates are those of large networks; small ones bear more. On handwritten digits with 64
    hidden units every kind's score is falling, or flat within its noise, at the upper end of this
    grid of five; with the usual rate in the middle half of them would still be rising there.

    >>> from gradlab.optim.adam import ADAM
    >>> [f"{rate:.2g}" for rate in learning_rate_grid(ADAM)]
    ['0.00032', '0.001', '0.0032', '0.01', '0.032']
    >>> learning_rate_grid(ADAM, n=1)
    (0.001,)
    """
    return tuple(kind.learning_rate * 10 ** ((i - n // 3) / 2) for i in range(n))


def custom(transformation: optax.GradientTransformation, name: str = "custom") -> OptimizerKind:
    """Make a kind of a ready-made Optax transformation.

    Its updates are multiplied by the learning rate, which therefore means a multiplier here:
    at the usual value 1.0 the transformation works as it was written.

    >>> kind = custom(optax.adabelief(0.001), "adabelief")
    >>> kind.learning_rate
    1.0
    """

    def factory(learning_rate: NonNegative) -> optax.GradientTransformationExtraArgs:
        return optax.chain(transformation, optax.scale(learning_rate))

    return OptimizerKind(
        name=name,
        factory=factory,
        learning_rate=1.0,
        parents=(),
        changes="both",
        formula="user's own",
        benefit="any optax.GradientTransformation",
        limit="opaque: its own numbers are constants of the compiled program",
        source="user",
        documented="no",
    )
