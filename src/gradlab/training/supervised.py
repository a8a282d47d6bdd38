"""The learner of supervised networks: classify or regress."""

import math
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.encoder_decoder import EncoderDecoder
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import Sequential, kinds_of, trainable
from gradlab.nn.noise import check_block_order
from gradlab.nn.padded import Padded
from gradlab.nn.penalties import is_weight, l1_penalty, l2_penalty
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent import Cell
from gradlab.nn.shares import total as total_of_devices
from gradlab.nn.sparsity import sparsity_penalty
from gradlab.optim import clip_by_norm, clip_by_value, decoupled_weight_decay
from gradlab.training.interface import Interface
from gradlab.training.learner import Batch, Learner, Sharing
from gradlab.training.measure import network_probe
from gradlab.training.network import build_network, network_table
from gradlab.training.packing import layout_of
from gradlab.training.recipe import Recipe
from gradlab.training.sharing import (
    own_rows,
    sharing_of_images,
    sharing_of_sequences,
    sum_over_shares,
)
from gradlab.training.task import TaskKind

DEFAULT_LOSS: dict[str, str] = {
    "binary": "binary_cross_entropy",
    "multiclass": "cross_entropy",
    "regression": "squared_error",
    "reconstruction": "squared_error",
}


class NetworkState(eqx.Module):
    """Everything that changes while a network trains."""

    model: PyTree
    layers: PyTree
    optimizer: PyTree


def loss_name(recipe: Recipe, kind: TaskKind) -> str:
    """Return the loss of a recipe on a kind of task, "auto" resolved.

    Raises:
        RecipeError: If the loss does not fit the kind of target.
    """
    name = DEFAULT_LOSS[kind] if recipe.loss == "auto" else recipe.loss
    fitting = [n for n in LOSSES if kind in LOSSES[n].tasks]
    if name not in fitting:
        raise RecipeError(
            f"loss={name} does not fit a {kind} target; fitting: {', '.join(fitting)}."
        )
    return name


def supervised(recipe: Recipe, interface: Interface, *, kind: TaskKind, dtype: Any) -> Learner:
    """Return the learner of a recipe's structure.

    Two recipes with equal `structure()` have interchangeable learners: their numbers reach the
    learner through the initial weights and `hyper`.
    """
    if recipe.class_weight is not None and (
        interface.per_step or kind in ("regression", "reconstruction")
    ):
        raise RecipeError(
            f"class_weight={recipe.class_weight} needs one class a row; the target is "
            f"{'a class for every step' if interface.per_step else 'a number'}. Leave it out."
        )
    _check_reconstruction(recipe, kind)
    template = build_network(recipe, interface, seed=None, dtype=dtype)
    sharing = sharing_of(recipe, interface, template)
    return network_learner(template, recipe, kind=kind, sharing=sharing)


def network_learner(
    template: PyTree, recipe: Recipe, *, kind: TaskKind, sharing: Sharing | None = None
) -> Learner:
    """Return the learner of any module that keeps the layer contract, trained as a recipe says.

    Args:
        template: The module.
        recipe: How to train it.
        kind: Of the target.
        sharing: How the rows of a batch are shared by the cores; None to keep them together. The
            gradient is that of the whole batch in any case.

    Warns:
        UserWarning: If a dropout or normalisation stands in a poor place of a `Sequential`.

    Raises:
        RecipeError: If loss or class weights do not fit the kind of target.
    """
    poor = check_block_order(kinds_of(template)) if isinstance(template, Sequential) else []
    if poor:
        warnings.warn(" ".join(poor), UserWarning, stacklevel=2)
    arrays, static = eqx.partition(template, eqx.is_array)
    spec = trainable(arrays)
    optimizer = recipe.optimizer_kind()
    chosen = {
        name: value
        for name, value in recipe.family_parameters("optimizer").items()
        if f"optimizer.{name}" not in recipe.hyper()
    }
    loss = LOSSES[loss_name(recipe, kind)].loss
    couples = _couples_examples(template)
    sparse = "sparsity" in recipe.hyper()
    if sparse:  # a mean activation is one of the whole batch
        sharing = None
    sigmoid_output = LOSSES[loss_name(recipe, kind)].sigmoid_output
    names = tuple(sorted(recipe.hyper()))
    decays = jax.tree_util.tree_map_with_path(lambda path, _: is_weight(path), arrays)

    def parameters_of(hyper: dict[str, Any]) -> dict[str, Any]:
        prefix = "optimizer."
        traced = {k[len(prefix) :]: v for k, v in hyper.items() if k.startswith(prefix)}
        return {**traced, **chosen}

    def transformation(hyper: dict[str, Any]) -> optax.GradientTransformation:
        rate = hyper["learning_rate"]
        links = []
        if "clip_value" in hyper:
            links.append(clip_by_value(hyper["clip_value"]))
        if "clip_norm" in hyper:
            links.append(clip_by_norm(hyper["clip_norm"]))
        links.append(optimizer.factory(rate, **parameters_of(hyper)))
        if "weight_decay" in hyper:
            mask = eqx.filter(decays, spec)
            links.append(decoupled_weight_decay(rate, hyper["weight_decay"], mask))
        return optax.chain(*links) if len(links) > 1 else links[0]

    def own_state(optimizer_state: PyTree, hyper: dict[str, Any]) -> PyTree:
        position = ("clip_value" in hyper) + ("clip_norm" in hyper)
        alone = position == 0 and "weight_decay" not in hyper
        return optimizer_state if alone else optimizer_state[position]

    def init(model: PyTree, hyper: dict[str, Any]) -> NetworkState:
        params = eqx.filter(model, spec)
        whole = eqx.combine(model, static)
        start = transformation({**hyper, "learning_rate": jnp.zeros((), dtype_of(params))})
        layers = jax.tree.map(jnp.asarray, _initial_state(whole))
        return NetworkState(model, layers, start.init(params))

    def loss_sums(answers: Array | Padded, batch: Batch) -> tuple[Array, Array]:
        rows = batch.weight
        if recipe.class_weight == "balanced":
            assert batch.balanced is not None  # the engine gives it wherever there are classes
            rows = rows * batch.balanced
        return loss(*compared(answers, batch, rows, kind))

    def penalty(model: PyTree, hyper: dict[str, Any]) -> Array:
        network = eqx.combine(model, static)
        value = jnp.zeros((), dtype_of(model))
        if "l1" in hyper:
            value = value + l1_penalty(network, hyper["l1"])
        if "l2" in hyper:
            value = value + l2_penalty(network, hyper["l2"])
        return value

    def step(state: NetworkState, batch: Batch, hyper: dict[str, Any], key: RowKey):
        params, fixed = eqx.partition(state.model, spec)

        def total_loss(params: PyTree, batch: Batch, key: RowKey | None):
            network = eqx.combine(params, fixed, static)
            real: dict[str, Any] = {"key": key, "training": True, "mask": batch.weight > 0}
            if sparse:
                code, layers = network.encode(batch.x, state.layers, **real)
                answers, layers = network.decode(code, layers, **real)
                added = sparsity_penalty(
                    code,
                    batch.weight,
                    target=hyper["sparsity"],
                    strength=hyper["sparsity_weight"],
                )
            else:
                answers, layers = network(batch.x, state.layers, **real)
                added = None
            total, weight = loss_sums(answers, batch)
            minimised = total if added is None else total + weight * added
            return minimised, (total, weight, layers)

        def share_gradients(batch: Batch, key: RowKey | None):
            (_, (total, weight, layers)), gradients = jax.value_and_grad(total_loss, has_aux=True)(
                params, batch, key
            )
            return (gradients, total, weight), layers

        if sharing is None:
            (gradients, total, weight), layers = share_gradients(batch, key)
        elif sharing.coupled:
            sums, layers = share_gradients(*own_rows(batch, key))
            gradients, total, weight = total_of_devices(sums)
        else:
            gradients, total, weight = sum_over_shares(
                lambda batch, key: share_gradients(batch, key)[0],
                batch,
                key,
                sharing.shares(len(batch.weight)),
                sharing.piece,
            )
            layers = state.layers
        # An all-padding batch (folds of unequal length) has weight 0 and must not give 0/0.
        real = jnp.maximum(weight, jnp.finfo(total.dtype).tiny)
        gradients = jax.tree.map(lambda gradient: gradient / real, gradients)
        if "l1" in hyper or "l2" in hyper:
            of_penalty = jax.grad(lambda params: penalty(eqx.combine(params, fixed), hyper))
            gradients = jax.tree.map(jnp.add, gradients, of_penalty(params))
        updates, optimizer_state = transformation(hyper).update(gradients, state.optimizer, params)
        model = eqx.combine(optax.apply_updates(params, updates), fixed)
        return NetworkState(model, layers, optimizer_state), (total, weight)

    def evaluation_model(state: NetworkState, hyper: dict[str, Any]) -> PyTree:
        params, fixed = eqx.partition(state.model, spec)
        at = optimizer.evaluation_params(
            params, own_state(state.optimizer, hyper), parameters_of(hyper)
        )
        return eqx.combine(at, fixed)

    def evaluate(state: NetworkState, batch: Batch, hyper: dict[str, Any]):
        network = eqx.combine(evaluation_model(state, hyper), static)

        def sums(batch: Batch, _: RowKey | None):
            answers, _ = network(batch.x, state.layers, training=False)
            scores, targets, weights = compared(answers, batch, batch.weight, kind)
            total, weight = loss(scores, targets, weights)
            if sigmoid_output:
                scores = jax.nn.sigmoid(scores)
            return total, right(scores, targets, weights, kind), weight

        if sharing is None:
            return sums(batch, None)
        return sum_over_shares(sums, batch, None, sharing.most, sharing.piece)

    def outputs(answers: Array | Padded, batch: Batch) -> tuple[Array, Array | None, Array]:
        scores, targets, weights = compared(answers, batch, batch.weight, kind)
        if kind in ("regression", "reconstruction"):
            return jax.nn.sigmoid(scores) if sigmoid_output else scores, targets, weights
        if kind == "binary":
            return jax.nn.sigmoid(scores), None, weights
        return jax.nn.softmax(scores, axis=1), None, weights

    def result(state: NetworkState, hyper: dict[str, Any]) -> tuple[PyTree, PyTree]:
        return evaluation_model(state, hyper), state.layers

    return Learner(
        structure=(recipe.structure(), jax.tree.structure(arrays), kind),
        start_layout=layout_of(arrays),
        hyper_names=names,
        init=init,
        step=step,
        evaluate=evaluate,
        result=result,
        keeps_best=recipe.patience is not None,
        couples_examples=couples,
        sharing=sharing,
        probe=network_probe(template, spec, loss=loss_sums, outputs=outputs, penalty=penalty),
    )


def _check_reconstruction(recipe: Recipe, kind: TaskKind) -> None:
    if kind == "reconstruction":
        if LOSSES[loss_name(recipe, kind)].sigmoid_output and recipe.output_activation != "linear":
            raise RecipeError(
                f"loss={recipe.loss} has its sigmoid inside; leave out "
                f"output_activation={recipe.output_activation}."
            )
        return
    for name in ("decoder", "output_activation", "sparsity"):
        value, usual = getattr(recipe, name), Recipe.model_fields[name].default
        if value != usual:
            raise RecipeError(
                f"{name} is for autoencoders, but the target is a {kind} one. Leave it out."
            )


def sharing_of(recipe: Recipe, interface: Interface, template: PyTree) -> Sharing | None:
    """Return how the rows of a batch are shared; None where they stay together.

    A function of shapes alone, so that a run's sums are in the same order wherever it is trained.
    """
    table = network_table(recipe, interface)
    coupled = _couples_examples(template)
    if any(row.workspace for row in table):
        largest = max(interface.n_features, *(math.prod(row.output_shape) for row in table))
        return sharing_of_images(sum(r.n_parameters for r in table), largest, coupled=coupled)
    if coupled:
        return None
    nodes = jax.tree.leaves(template, is_leaf=lambda node: isinstance(node, Cell))
    return sharing_of_sequences(max((n.n_units for n in nodes if isinstance(n, Cell)), default=0))


def compared(
    answers: Array | Padded, batch: Batch, weights: Float[Array, " batch"], kind: TaskKind
) -> tuple[Array, Array, Array]:
    """Return scores, targets and weights with one row for every answer that a target has."""
    if kind == "reconstruction":
        x = batch.x.values if isinstance(batch.x, Padded) else batch.x
        values = answers.values if isinstance(answers, Padded) else answers
        if isinstance(batch.x, Padded):
            steps = weights[:, None] * batch.x.real.astype(weights.dtype)
            return _rows(values, 2), _rows(x, 2), steps.reshape(-1)
        return _rows(values, 1), _rows(x, 1), weights
    if not isinstance(answers, Padded):
        if answers.ndim == 2:
            return answers, batch.y, weights
        steps = jnp.broadcast_to(weights[:, None], answers.shape[:2])
    else:
        steps = weights[:, None] * answers.real.astype(weights.dtype)
        answers = jnp.asarray(answers.values)
    return _rows(answers, 2), batch.y.reshape(-1), steps.reshape(-1)


def _rows(x: Array | np.ndarray, axes: int) -> Array:
    """Return x with its first axes as rows and the rest as columns."""
    return jnp.asarray(x).reshape(math.prod(x.shape[:axes]), -1)


def _couples_examples(template: PyTree) -> bool:
    return any(
        getattr(layer, "couples_examples", False)
        or (isinstance(layer, Sequential) and _couples_examples(layer))
        for layer in getattr(template, "layers", ())
    )


def right(
    scores: Float[Array, "rows outputs"],
    targets: Array,
    weights: Float[Array, " rows"],
    kind: TaskKind,
) -> Float[Array, ""]:
    """Return the weighted count of right answers, or the weighted sum of squared errors."""
    if kind in ("regression", "reconstruction"):
        return (((scores - targets) ** 2).mean(axis=1) * weights).sum()
    if kind == "binary":
        answers = (scores[:, 0] > 0).astype(targets.dtype)
    else:
        answers = scores.argmax(axis=1).astype(targets.dtype)
    return jnp.where(answers == targets, weights, 0).sum()


def initial_arrays(network: Sequential | EncoderDecoder) -> PyTree:
    """Return what a learner's `init` takes: the arrays of a freshly built network."""
    return eqx.filter(network, eqx.is_array)


def dtype_of(tree: PyTree) -> np.dtype:
    """Return the type of a tree's first floating array."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return leaves[0].dtype if leaves else np.dtype(np.float32)


def _initial_state(network: Any) -> PyTree:
    return network.initial_state() if hasattr(network, "initial_state") else ()
