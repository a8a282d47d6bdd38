"""The picture moved downhill, many steps to a call; a step that ends in NaN is taken back."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from gradlab.errors import RecipeError, unknown
from gradlab.optim import OPTIMIZERS
from gradlab.style.loss import Task
from gradlab.style.objective import Terms

CALL = 32
"""Most steps of one call; the program is the same for fewer."""

MEMORY = 10
"""Pairs of steps and changes of the gradient from which L-BFGS learns the curvature."""

MEMORY_NUMBERS = 2**26
"""Numbers that those pairs may hold together; of large pictures fewer are kept."""

PIXEL_RATES = {"sgd": 0.02, "momentum": 0.02, "adam": 0.02}
"""Learning rates that suit pixels from 0 to 1; others take their usual one."""


class Descent(eqx.Module):
    """A picture on its way.

    Attributes:
        image: Where it is; pixels may lie a little outside 0 to 1.
        kept: The last picture whose loss and derivative were finite.
        kept_value: Its loss; L-BFGS goes on from it when a step is taken back.
        kept_gradient: Its derivative.
        memory: Of the optimiser.
        shrink: Factor of every step; halved when one is taken back.
        taken_back: How many were.
        evaluations: Of loss and derivative.
    """

    image: Float[Array, "height width 3"]
    kept: Float[Array, "height width 3"]
    kept_value: Float[Array, ""]
    kept_gradient: Float[Array, "height width 3"] | None
    memory: Any
    shrink: Float[Array, ""]
    taken_back: Int[Array, ""]
    evaluations: Int[Array, ""]


def usual_rate(optimizer: str) -> float:
    """Return the learning rate for pixels; of L-BFGS it is the first step that is tried.

    Raises:
        RecipeError: If there is no such optimiser.
    """
    if optimizer == "lbfgs":
        return 1.0
    if optimizer not in OPTIMIZERS:
        raise RecipeError(unknown("optimizer", optimizer, ["lbfgs", *OPTIMIZERS]))
    return PIXEL_RATES.get(optimizer, OPTIMIZERS[optimizer].learning_rate)


@eqx.filter_jit
def start(image: Float[Array, "height width 3"], task: Task, *, optimizer: str) -> Descent:
    """Return the beginning of a descent, its loss and derivative known."""
    value, gradient = jax.value_and_grad(task.to_minimise)(image)
    one, zero = jnp.ones((), image.dtype), jnp.zeros((), jnp.int32)
    memory = _method(optimizer, one, one, image.size).init(image)
    if optimizer == "lbfgs":
        memory = optax.tree.set(memory, value=value, grad=gradient)
    kept = gradient if optimizer == "lbfgs" else None
    begun = Descent(image, image, value, kept, memory, one, zero, zero + 1)
    # Of settled types from the beginning: the first call's program then serves all others.
    return jax.tree.map(lambda leaf: lax.convert_element_type(leaf, leaf.dtype), begun)


@eqx.filter_jit
def advance(
    descent: Descent,
    task: Task,
    steps: Int[Array, ""],
    learning_rate: Float[Array, ""],
    *,
    optimizer: str,
) -> tuple[Descent, Float[Array, " call"]]:
    """Take some steps, `CALL` at most, and return the total at the beginning of each.

    Args:
        descent: Where it stands.
        task: What is minimised.
        steps: How many; not part of the program.
        learning_rate: Of the optimiser; L-BFGS finds its own.
        optimizer: "lbfgs" or a name in OPTIMIZERS.
    """
    ahead = _search_ahead if optimizer == "lbfgs" else _step_ahead

    def body(i: Array, carry: tuple[Descent, Array]) -> tuple[Descent, Array]:
        descent, totals = carry
        method = _method(optimizer, learning_rate, descent.shrink, descent.image.size)
        descent, value = ahead(descent, task, method)
        return descent, totals.at[i].set(value / descent.image.size)

    totals = jnp.full((CALL,), jnp.nan, descent.image.dtype)
    return lax.fori_loop(0, steps, body, (descent, totals))


@eqx.filter_jit
def measure(image: Float[Array, "height width 3"], task: Task) -> tuple[Terms, Float[Array, ""]]:
    """Return the losses of a picture brought into its range, and their total."""
    terms = task.terms(jnp.clip(image, 0, 1))
    return terms, terms.total(task.weights)


def _method(optimizer: str, learning_rate: Any, shrink: Any, n_numbers: int) -> Any:
    if optimizer != "lbfgs":
        return optax.chain(OPTIMIZERS[optimizer].factory(learning_rate), optax.scale(shrink))
    pairs = max(2, min(MEMORY, MEMORY_NUMBERS // (2 * n_numbers)))
    search = optax.scale_by_zoom_linesearch(
        max_linesearch_steps=12, max_learning_rate=shrink, initial_guess_strategy="one"
    )
    return optax.lbfgs(memory_size=pairs, linesearch=search)


def _search_ahead(descent: Descent, task: Task, method: Any) -> tuple[Descent, Array]:
    """Take a step of L-BFGS, whose line search has looked at where it ends; never uphill."""
    value, gradient = descent.kept_value, descent.kept_gradient
    step, memory = method.update(
        gradient,
        descent.memory,
        descent.image,
        value=value,
        grad=gradient,
        value_fn=task.to_minimise,
    )
    image = descent.image + step
    found, slope = optax.tree.get(memory, "value"), optax.tree.get(memory, "grad")
    searched = optax.tree.get(memory, "info").num_linesearch_steps.astype(jnp.int32)
    finite = jnp.isfinite(found) & jnp.all(jnp.isfinite(slope)) & jnp.all(jnp.isfinite(image))
    fell = finite & (found < value)
    shrink = jnp.where(finite, descent.shrink, descent.shrink / 2)
    taken = descent.taken_back + jnp.where(finite, 0, 1)
    ahead = (image, image, found, slope)
    back = (descent.image, descent.image, value, gradient)
    image, kept, value_there, slope_there = _chosen(fell, ahead, back)
    # Where the slope does not grow along the step, as beyond a pixel's range, what L-BFGS would
    # learn points uphill: it begins anew with the derivative alone.
    bends_up = fell & (jnp.vdot(slope - gradient, step) > 0)
    fresh = optax.tree.set(method.init(descent.image), value=value_there, grad=slope_there)
    memory = _chosen(bends_up, memory, fresh)
    evaluations = descent.evaluations + searched
    return (
        Descent(image, kept, value_there, slope_there, memory, shrink, taken, evaluations),
        value,
    )


def _step_ahead(descent: Descent, task: Task, method: Any) -> tuple[Descent, Array]:
    """Take a step by the derivative where the picture is; where there is none, go back."""
    value, gradient = jax.value_and_grad(task.to_minimise)(descent.image)
    step, memory = method.update(gradient, descent.memory, descent.image)
    image, here = descent.image + step, descent.image
    ahead = (image, here, value, None, memory, descent.shrink, descent.taken_back)
    memory = method.init(descent.kept)
    shrink, taken = descent.shrink / 2, descent.taken_back + 1
    back = (descent.kept, descent.kept, descent.kept_value, None, memory, shrink, taken)
    good = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient)) & jnp.all(jnp.isfinite(image))
    return Descent(*_chosen(good, ahead, back), evaluations=descent.evaluations + 1), value


def _chosen(good: Bool[Array, ""], ahead: Any, back: Any) -> Any:
    """Return one of two outcomes; a branch would take XLA's convolutions their fast form."""
    return jax.tree.map(lambda a, b: jnp.where(good, a, b), ahead, back)
