"""The learner of supervised networks: classify or regress."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import Sequential, kinds_of, trainable
from gradlab.nn.noise import check_block_order
from gradlab.nn.penalties import is_weight, l1_penalty, l2_penalty
from gradlab.nn.random import RowKey
from gradlab.optim import clip_by_norm, clip_by_value, decoupled_weight_decay
from gradlab.training.learner import Batch, Learner
from gradlab.training.network import build_network
from gradlab.training.packing import layout_of
from gradlab.training.recipe import Recipe
from gradlab.training.task import TaskKind

DEFAULT_LOSS: dict[str, str] = {
    "binary": "binary_cross_entropy",
    "multiclass": "cross_entropy",
    "regression": "squared_error",
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
    fitting = [n for n in LOSSES if LOSSES[n].task == kind]
    if name not in fitting:
        raise RecipeError(
            f"loss={name} does not fit a {kind} target; fitting: {', '.join(fitting)}."
        )
    return name


def supervised(
    recipe: Recipe, *, n_features: int, n_outputs: int, kind: TaskKind, dtype: Any
) -> Learner:
    """Return the learner of a recipe's structure.

    Two recipes with equal `structure()` have interchangeable learners: their numbers reach the
    learner through the initial weights and `hyper`.
    """
    template = build_network(
        recipe, n_features=n_features, n_outputs=n_outputs, seed=0, dtype=dtype
    )
    return network_learner(template, recipe, kind=kind)


def network_learner(template: PyTree, recipe: Recipe, *, kind: TaskKind) -> Learner:
    """Return the learner of any module that keeps the layer contract, trained as a recipe says.

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
    if recipe.class_weight is not None and kind == "regression":
        raise RecipeError(
            f"class_weight={recipe.class_weight} needs classes; the target is a number. "
            "Leave it out."
        )
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

    def step(state: NetworkState, batch: Batch, hyper: dict[str, Any], key: RowKey):
        params, fixed = eqx.partition(state.model, spec)

        def objective(params: PyTree):
            network = eqx.combine(params, fixed, static)
            scores, layers = network(
                batch.x, state.layers, key=key, training=True, mask=batch.weight > 0
            )
            rows = batch.weight
            if recipe.class_weight == "balanced":
                assert batch.balanced is not None  # the engine gives it wherever there are classes
                rows = rows * batch.balanced
            total, weight = loss(scores, batch.y, rows)
            # An all-padding batch (folds of unequal length) has weight 0 and must not give 0/0.
            value = total / jnp.maximum(weight, jnp.finfo(total.dtype).tiny)
            if "l1" in hyper:
                value = value + l1_penalty(network, hyper["l1"])
            if "l2" in hyper:
                value = value + l2_penalty(network, hyper["l2"])
            return value, (layers, total, weight)

        gradients, (layers, total, weight) = jax.grad(objective, has_aux=True)(params)
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
        scores, _ = network(batch.x, state.layers, training=False)
        total, weight = loss(scores, batch.y, batch.weight)
        return total, right(scores, batch, kind), weight

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
        couples_examples=any(
            getattr(layer, "couples_examples", False) for layer in getattr(template, "layers", ())
        ),
    )


def right(scores: Float[Array, "batch outputs"], batch: Batch, kind: TaskKind) -> Float[Array, ""]:
    """Return the weighted count of right answers, or the weighted sum of squared errors."""
    if kind == "regression":
        return (((scores - batch.y) ** 2).mean(axis=1) * batch.weight).sum()
    if kind == "binary":
        answers = (scores[:, 0] > 0).astype(batch.y.dtype)
    else:
        answers = scores.argmax(axis=1).astype(batch.y.dtype)
    return jnp.where(answers == batch.y, batch.weight, 0).sum()


def initial_arrays(network: Sequential) -> PyTree:
    """Return what a learner's `init` takes: the arrays of a freshly built network."""
    return eqx.filter(network, eqx.is_array)


def dtype_of(tree: PyTree) -> np.dtype:
    """Return the type of a tree's first floating array."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return leaves[0].dtype if leaves else np.dtype(np.float32)


def _initial_state(network: Any) -> PyTree:
    return network.initial_state() if hasattr(network, "initial_state") else ()

