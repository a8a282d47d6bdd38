"""What the training of populations asks of anything that learns."""

import dataclasses
import math
from collections.abc import Callable, Hashable
from typing import NamedTuple

from jaxtyping import Array, Float, Int, Num, PyTree, Shaped

from gradlab.nn.padded import Padded
from gradlab.training.packing import Layout


class Batch(NamedTuple):
    """Rows of the data, gathered; `weight` is 0 for padding."""

    x: Num[Array, "batch ..."] | Padded
    y: Shaped[Array, "batch ..."]
    weight: Float[Array, " batch"]
    balanced: Float[Array, " batch"] | None = None
    """Further weight of each row under `class_weight="balanced"`."""


@dataclasses.dataclass(frozen=True)
class Sharing:
    """How the rows of a batch may be shared.

    Args:
        most: Shares at most, a power of two.
        fewest: Rows of a share at least.
        piece: Rows of a share that go through the network at once; None for all.
        coupled: Whether all shares have to go through each layer at the same time.
    """

    most: int
    fewest: int
    piece: int | None = None
    coupled: bool = False

    def shares(self, n_rows: int) -> int:
        """Return into how many shares a batch is cut: a power of two.

        >>> Sharing(most=8, fewest=8).shares(40)
        4
        """
        return 2 ** int(math.log2(max(1, min(self.most, n_rows // self.fewest))))


class Probe(NamedTuple):
    """How a learner is measured while it trains; see `gradlab.training.probes`.

    Args:
        measure: (state, weights before its last step, batch, hyper) -> `numbers` numbers.
        weights: state -> what `measure` is to be given of an earlier state.
        numbers: How many, in the layout of `gradlab.training.probes`.
    """

    measure: Callable[..., Float[Array, " numbers"]]
    weights: Callable[[PyTree], PyTree]
    numbers: int


class Learner(NamedTuple):
    """Pure functions over trees; the engine knows nothing else of what it trains.

    Supervised networks, autoencoders, adversarial pairs and value networks each supply one.

    Args:
        structure: Equal for learners that compile to the same instructions.
        start_layout: Layout of what the host supplies: the initial weights.
        hyper_names: Names of the traced numbers, in the order in which runs give them.
        init: (initial weights, hyper) -> state; cheap, for it is computed at every call.
        step: (state, batch, hyper, key) -> (state, (weighted loss sum, weight sum)); `hyper`
            holds "learning_rate" besides the named numbers, a new one every step.
        evaluate: (state, batch, hyper) -> (loss sum, score sum, weight sum).
        result: (state, hyper) -> the weights worth keeping.
        keeps_best: Whether the result is that of the epoch with the lowest validation loss.
        couples_examples: True if one row's output depends on the others of its batch.
        sharing: How `step` and `evaluate` share the rows of a batch where the program is laid out
            over several devices; None if each device then does the same.
        probe: How it is measured, where a plan asks for that; None if it can't be.
    """

    structure: Hashable
    start_layout: Layout
    hyper_names: tuple[str, ...]
    init: Callable[[PyTree, dict[str, Float[Array, ""]]], PyTree]
    step: Callable[..., tuple[PyTree, tuple[Float[Array, ""], Float[Array, ""]]]]
    evaluate: Callable[..., tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]]
    result: Callable[[PyTree, dict[str, Float[Array, ""]]], PyTree]
    keeps_best: bool
    couples_examples: bool
    sharing: Sharing | None = None
    probe: Probe | None = None


Rows = Int[Array, " batch"]
