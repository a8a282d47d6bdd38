"""Forward and backward through a step: what every layer gives, and what it is blamed for."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.explanation.step import Step, mean_loss, on_device, parted, penalty, row_losses
from gradlab.explanation.step import scores_and_targets as compared
from gradlab.explanation.taps import Seen, call, elementary
from gradlab.nn.padded import Padded


class Passed(NamedTuple):
    """What one forward and backward pass found; arrays are NumPy's."""

    loss: float  # E: mean loss with all penalties
    penalty: float  # the part of it that stands for small weights
    of_rows: np.ndarray  # loss of every answer by itself
    answers: Any  # of the network
    seen: list[Seen]
    gradients: PyTree  # ∂E/∂parameters
    data_gradients: PyTree  # the same without the penalty
    blame: list[Any]  # ∂E/∂output of every layer


@dataclasses.dataclass(frozen=True, eq=False)
class Passes:
    """The compiled passes of one step; new parameters of the same network compile nothing.

    Args:
        step: The step.
    """

    step: Step
    _both: Callable[..., Any]
    _loss: Callable[..., Any]
    shapes: list[tuple[int, ...]]
    """Of every layer's output."""

    def forward_and_backward(self, parameters: PyTree) -> Passed:
        """Return every number at some parameters."""
        probes = [jnp.zeros(shape) for shape in self.shapes]
        loss, penalised, aux, data, whole, blame = self._both(parameters, probes)
        answers, seen, of_rows = aux
        keys = [one.key for one in seen]
        numpy: Any = jax.tree.map(np.asarray, (answers, seen, data, whole, blame, of_rows))
        answers, seen, data, whole, blame, of_rows = numpy
        # A key stays as it came: layers draw from it again.
        seen = [
            Seen(one.input, one.output, one.state, one.details, key)
            for one, key in zip(seen, keys, strict=True)
        ]
        return Passed(
            float(loss), float(penalised), of_rows, answers, seen, whole, data, list(blame)
        )

    def loss(self, parameters: PyTree) -> Float[Array, ""]:
        """Return E alone; traceable, for finite differences."""
        return self._loss(parameters)


def passes(step: Step) -> Passes:
    """Return the passes of a step, compiled when they are first made."""
    params, fixed = parted(step.network)
    fixed = on_device(fixed)
    n_layers = len(elementary(step.network))
    mask = jnp.asarray(step.weight > 0)
    y, weight = jnp.asarray(step.y), jnp.asarray(step.weight)
    sparse = step.recipe.sparsity is not None

    def data_loss(parameters: PyTree, probes: list) -> tuple[Array, tuple]:
        network = eqx.combine(parameters, fixed)
        named = (step.x, step.key, step.training, mask)
        answers, code, seen = call(network, step.states, probes, *named)
        loss = mean_loss(step, step.x, y, weight, answers, code if sparse else None)
        scores, targets, _ = compared(step, step.x, y, weight, answers)
        return loss, (answers, seen, row_losses(step, scores, targets))

    def added(parameters: PyTree) -> Array:
        return penalty(step, eqx.combine(parameters, fixed))

    def both(parameters: PyTree, probes: list) -> tuple:
        (loss, aux), (data, blame) = jax.value_and_grad(data_loss, argnums=(0, 1), has_aux=True)(
            parameters, probes
        )
        value, more = jax.value_and_grad(added)(parameters)
        return loss + value, value, aux, data, jax.tree.map(jnp.add, data, more), blame

    def whole_loss(parameters: PyTree) -> Array:
        return data_loss(parameters, [None] * n_layers)[0] + added(parameters)

    seen = jax.eval_shape(lambda p: data_loss(p, [None] * n_layers)[1][1], params)
    shapes = [values_of(one.output).shape for one in seen]
    return Passes(step, eqx.filter_jit(both), whole_loss, shapes)


def values_of(x: Any) -> Any:
    """Return the numbers of an output, padded or not."""
    return x.values if isinstance(x, Padded) else x
