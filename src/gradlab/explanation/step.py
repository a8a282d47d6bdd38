"""One step of training, as it stands before it is taken: network, batch, loss, optimizer."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree, Shaped

from gradlab.nn.losses import LOSSES
from gradlab.nn.module import initial_state, trainable
from gradlab.nn.padded import Padded
from gradlab.nn.penalties import is_weight, l1_penalty, l2_penalty
from gradlab.nn.random import RowKey, row_key
from gradlab.nn.sparsity import sparsity_penalty
from gradlab.optim import clip_by_norm, clip_by_value, decoupled_weight_decay
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import loss_name
from gradlab.training.task import TaskKind

FLOAT64 = np.dtype(np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """A step of training that has not been taken yet; all its numbers are float64.

    Args:
        network: Any module that keeps the layer contract.
        states: Of its layers.
        x: The batch.
        y: Labels, numbers of shape (rows, outputs), or what a reconstruction ignores.
        weight: Of each row in the loss.
        kind: Of the target.
        recipe: Loss, penalties and optimizer; its network is of no account.
        rate: Learning rate of this step.
        optimizer: State before the step.
        key: Of masks and noise.
        training: Whether layers behave as in training.
    """

    network: PyTree
    states: PyTree
    x: Any
    y: Shaped[np.ndarray, "rows ..."]
    weight: Float[np.ndarray, " rows"]
    kind: TaskKind
    recipe: Recipe
    rate: float
    optimizer: PyTree
    key: RowKey
    training: bool = True

    @property
    def n_rows(self) -> int:
        """Rows of the batch."""
        return len(self.weight)

    @property
    def hyper(self) -> dict[str, float]:
        """Numbers of the recipe, the learning rate of the step among them."""
        return {**self.recipe.hyper(), "learning_rate": self.rate}

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return loss_name(self.recipe, self.kind)


def begin(
    network: PyTree,
    x: Any,
    y: Shaped[np.ndarray, "rows ..."],
    recipe: Recipe,
    *,
    kind: TaskKind,
    states: PyTree = None,
    optimizer: PyTree = None,
    weight: Float[np.ndarray, " rows"] | None = None,
    rate: float | None = None,
    key: RowKey | None = None,
    training: bool = True,
) -> Step:
    """Return a step; what is not given is as at the first step of training.

    Call it, and everything that computes with its result, under `precision(FLOAT64)`.

    Args:
        network, x, y, recipe, kind: See `Step`.
        states: Of the layers; None for those before training.
        optimizer: Its state; None for that before its first step.
        weight: Of the rows; None for 1.
        rate: Learning rate; None for the recipe's.
        key: Of masks; None for seed 0, step 0 and the rows in order.
        training: Whether layers behave as in training.
    """
    network = as_float64(network)
    rows = len(x.values if isinstance(x, Padded) else x)
    if optimizer is None:
        optimizer = transformation(network, recipe, recipe.rate()).init(parameters_of(network))
    return Step(
        network=network,
        states=as_float64(initial_state(network) if states is None else states),
        x=as_float64(x),
        y=as_float64(np.asarray(y)),
        weight=np.ones(rows) if weight is None else np.asarray(weight, np.float64),
        kind=kind,
        recipe=recipe,
        rate=float(recipe.rate() if rate is None else rate),
        optimizer=as_float64(optimizer),
        key=key or row_key(np.uint32(0), np.uint32(0), jnp.arange(rows)),
        training=training,
    )


def as_float64(tree: PyTree) -> PyTree:
    """Return a tree whose floating arrays are NumPy's float64."""

    def cast(leaf: Any) -> Any:
        if not eqx.is_array(leaf):
            return leaf
        array = np.asarray(leaf)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    return jax.tree.map(cast, tree)


def on_device(tree: PyTree) -> PyTree:
    """Return a tree whose arrays are JAX's, as layers' own code takes them."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if eqx.is_array(leaf) else leaf, tree)


def parameters_of(network: PyTree) -> PyTree:
    """Return a network with None wherever training changes nothing."""
    return parted(network)[0]


def parted(network: PyTree) -> tuple[PyTree, PyTree]:
    """Return a network as what training changes and what it does not; `eqx.combine` joins them."""
    arrays, static = eqx.partition(network, eqx.is_array)
    params, fixed = eqx.partition(arrays, trainable(arrays))
    return params, eqx.combine(fixed, static)


def scores_and_targets(
    step: Step, x: Any, y: Array, weight: Array, answers: Any
) -> tuple[Array, Array, Array]:
    """Return what the loss compares, with one row for every answer that a target has."""
    values = answers.values if isinstance(answers, Padded) else answers
    targets, axes = y, values.ndim - 1
    if step.kind == "reconstruction":
        targets = x.values if isinstance(x, Padded) else x
        axes = 2 if isinstance(x, Padded) else 1
    if isinstance(answers, Padded):
        weight = weight[:, None] * answers.real.astype(weight.dtype)
    elif axes == 2:
        weight = jnp.broadcast_to(weight[:, None], values.shape[:2])
    n = int(np.prod(values.shape[:axes]))
    of_numbers = step.kind in ("regression", "reconstruction")
    targets = jnp.asarray(targets).reshape((n, -1) if of_numbers else n)
    return jnp.asarray(values).reshape(n, -1), targets, jnp.asarray(weight).reshape(-1)


def row_losses(step: Step, scores: Array, targets: Array) -> Float[Array, " answers"]:
    """Return the loss of every answer by itself."""
    loss = LOSSES[step.loss].loss
    one = jnp.ones(1, scores.dtype)
    return jax.vmap(lambda s, t: loss(s[None], t[None], one)[0])(scores, targets)


def penalty(step: Step, network: PyTree) -> Float[Array, ""]:
    """Return what the recipe adds to the mean loss for the sake of small weights."""
    value, hyper = jnp.zeros(()), step.hyper
    if "l1" in hyper:
        value = value + l1_penalty(network, hyper["l1"])
    if "l2" in hyper:
        value = value + l2_penalty(network, hyper["l2"])
    return value


def mean_loss(step: Step, x: Any, y: Array, weight: Array, answers: Any, code: Any) -> Array:
    """Return the weighted mean of the loss, with the penalty on a sparse code if there is one."""
    scores, targets, weights = scores_and_targets(step, x, y, weight, answers)
    total, count = LOSSES[step.loss].loss(scores, targets, weights)
    value = total / jnp.maximum(count, jnp.finfo(total.dtype).tiny)
    if code is not None:
        hyper = step.hyper
        strength = hyper["sparsity_weight"]
        value = value + sparsity_penalty(code, weight, target=hyper["sparsity"], strength=strength)
    return value


def transformation(network: PyTree, recipe: Recipe, rate: Any) -> optax.GradientTransformation:
    """Return the optimizer of a recipe with what stands before and after it."""
    links = [link for _, link in links_of(network, recipe, rate)]
    return optax.chain(*links) if len(links) > 1 else links[0]


def links_of(
    network: PyTree, recipe: Recipe, rate: Any
) -> list[tuple[str, optax.GradientTransformation]]:
    """Return clipping, optimizer ("step") and decoupled decay, as far as a recipe has them."""
    hyper = recipe.hyper()
    links = []
    if "clip_value" in hyper:
        links.append(("clip_value", clip_by_value(hyper["clip_value"])))
    if "clip_norm" in hyper:
        links.append(("clip_norm", clip_by_norm(hyper["clip_norm"])))
    links.append(("step", recipe.optimizer_kind().factory(rate, **optimizer_numbers(recipe))))
    if "weight_decay" in hyper:
        decay = decoupled_weight_decay(rate, hyper["weight_decay"], decaying(network))
        links.append(("weight_decay", decay))
    return links


def optimizer_numbers(recipe: Recipe) -> dict[str, Any]:
    """Return the parameters of a recipe's optimizer: traced numbers and choices."""
    prefix = "optimizer."
    hyper = {k[len(prefix) :]: v for k, v in recipe.hyper().items() if k.startswith(prefix)}
    return {**recipe.family_parameters("optimizer"), **hyper}


def decaying(network: PyTree) -> PyTree:
    """Return a tree of booleans like the parameters: which of them decay."""
    return jax.tree_util.tree_map_with_path(lambda path, _: is_weight(path), parameters_of(network))
