"""How a recipe's network is built and trained, in the doctor's words."""

from typing import Any

import jax
import numpy as np

from gradlab.doctor.evidence import Layer, LayerKind, Setup, TaskName
from gradlab.nn.activations import Activation, PReLU
from gradlab.nn.convolution.layer import Convolution
from gradlab.nn.dense import n_parameters
from gradlab.nn.encoder_decoder import Tied
from gradlab.nn.noise import Dropout
from gradlab.nn.penalties import is_weight
from gradlab.nn.recurrent import Bidirectional, Embedding, Recurrent, RNNCell
from gradlab.training import layers as specs
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe
from gradlab.training.sites import has_weights, layers_of, sites_of
from gradlab.training.supervised import loss_name
from gradlab.training.task import Task

WEIGHTED = specs.Dense | specs.Conv | specs.Depthwise | specs.Transposed | specs.Local
KINDS: dict[str, LayerKind] = {
    "normalization": "norm",
    "dropout": "dropout",
    "pooling": "pool",
    "shape": "shape",
}


def setup_of(
    recipe: Recipe,
    task: Task,
    *,
    seed: int = 0,
    scaling: str = "standard",
    target_scaling: str | None = None,
) -> Setup:
    """Return how a recipe is set; the numbers of the weights are those of a seed.

    Args:
        recipe: What is trained.
        task: On what.
        seed: Of the weights.
        scaling: Of the inputs, as `Setup` says it.
        target_scaling: Of a regression's targets.
    """
    kind = recipe.optimizer_kind()
    given = {**recipe.hyper(), **recipe.parameters}
    momentum = given.get("optimizer.momentum", given.get("optimizer.beta1"))
    return Setup(
        task=task.kind,
        layers=layers_in_words(recipe, task, seed),
        n_outputs=task.n_outputs,
        loss=loss_name(recipe, task.kind),
        loss_takes="scores",
        loss_guarded=True,
        loss_reduction="mean",
        optimizer=kind.name,
        learning_rate=recipe.rate(),
        usual_learning_rate=kind.learning_rate,
        momentum=None if momentum is None else float(momentum),
        weight_decay=given.get("optimizer.weight_decay", given.get("weight_decay")),
        clip_norm=recipe.clip_norm,
        schedule=recipe.schedule,
        batch_size=_batch_size(recipe, task),
        epochs=recipe.epochs,
        patience=recipe.patience,
        shuffle=recipe.shuffle,
        class_weight=recipe.class_weight,
        metric="accuracy" if task.score_name == "accuracy" else "mean_squared_error",
        validation="separate" if len(task.splits[0][1]) else "none",
        scaling=scaling,
        target_scaling=target_scaling if task.kind == "regression" else None,
        validation_scaled=True,
        label_coding=_coding(task.kind),
        augment=recipe.augment,
    )


def layers_in_words(recipe: Recipe, task: Task, seed: int) -> tuple[Layer, ...]:
    """Return the layers of a recipe's network; activations stand with the layer before."""
    network = build_network(recipe, task.interface, seed=seed, dtype=task.dtype)
    layers = layers_of(network)
    activations = {
        site.layer: activation_name(layers[site.output], layers[site.layer])
        for site in sites_of(network)
    }
    names = iter(_places(recipe, sum(map(has_weights, layers))))
    found, place, init = [], "input", None
    for i, layer in enumerate(layers):
        if isinstance(layer, Activation | PReLU):
            continue
        if has_weights(layer):
            place, init = next(names)
        kind = _kind(layer)
        weighted = has_weights(layer) or isinstance(layer, Embedding)
        weights, biases = _numbers(layer)
        units, fan_in, fan_out = _fans(layer)
        found.append(
            Layer(
                kind=kind,
                place=place if kind != "embedding" else "embedding",
                units=units,
                activation=activations.get(i),
                init=(init or recipe.init) if weighted else None,
                init_std=float(weights.std()) if len(weights) and weighted else None,
                bias_std=float(biases.std()) if len(biases) and weighted else None,
                fan_in=fan_in,
                fan_out=fan_out,
                rate=float(layer.rate.value) if isinstance(layer, Dropout) else None,
                l1=recipe.l1 if weighted else 0.0,
                l2=recipe.l2 if weighted else 0.0,
                n_parameters=n_parameters(layer),
            )
        )
    return tuple(found)


def activation_name(layer: Any, own: Any) -> str:
    """Return the name of what a layer with weights goes through."""
    if isinstance(own, Recurrent | Bidirectional):
        cell = own.cell if isinstance(own, Recurrent) else own.forward
        return cell.activation if isinstance(cell, RNNCell) else "tanh"
    if isinstance(layer, PReLU):
        return "prelu"
    return layer.function.__name__ if isinstance(layer, Activation) else "linear"


def _places(recipe: Recipe, n_weighted: int) -> list[tuple[str, str | None]]:
    """Return place and initialiser of every layer with weights, in order."""
    own = "hidden" if recipe.layers is None else "layers"
    halves = [(own, recipe.specs()), ("decoder", recipe.decoder_specs())]
    found = [
        (f"{name}[{i}]", getattr(spec, "init", None))
        for name, half in halves
        for i, spec in enumerate(half)
        if isinstance(spec, WEIGHTED | specs.Recurrent)
    ]
    # A mirrored decoder has layers that nobody wrote.
    missing = n_weighted - 1 - len(found)
    return [*found, *((f"decoder[{i}]", None) for i in range(missing)), ("output", None)]


def _kind(layer: Any) -> LayerKind:
    if isinstance(layer, Recurrent | Bidirectional):
        return "recurrent"
    if isinstance(layer, Embedding):
        return "embedding"
    kind = getattr(layer, "kind", "other")
    if kind == "linear":
        return "dense" if getattr(layer, "weight", np.zeros((1, 1))).ndim == 2 else "conv"
    return KINDS.get(kind, "other")


def _numbers(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return all weights, and all biases, of a layer."""
    leaves = jax.tree_util.tree_leaves_with_path(layer)
    weights = [np.ravel(x) for path, x in leaves if is_weight(path)]
    named = [(str(getattr(path[-1], "name", "")), x) for path, x in leaves]
    biases = [np.ravel(x) for name, x in named if name.startswith("bias")]
    empty = np.zeros(0)
    return np.concatenate([empty, *weights]), np.concatenate([empty, *biases])


def _fans(layer: Any) -> tuple[int | None, int | None, int | None]:
    """Return units, inputs and outputs of a unit."""
    if isinstance(layer, Recurrent | Bidirectional):
        cell = layer.cell if isinstance(layer, Recurrent) else layer.forward
        units = cell.n_units * (1 if isinstance(layer, Recurrent) else 2)
        n_inputs = getattr(cell, "n_inputs", None)
        return units, None if n_inputs is None else n_inputs + cell.n_units, cell.n_units
    if isinstance(layer, Tied):
        return len(layer.bias), None, None
    weight = getattr(layer, "weight", None)
    if weight is None or not (has_weights(layer) or isinstance(layer, Embedding)):
        return None, None, None
    if isinstance(layer, Embedding):
        return weight.shape[1], 1, weight.shape[1]
    *taps, n_in, n_out = weight.shape
    if not isinstance(layer, Convolution) and len(weight.shape) > 2:
        taps = taps[len(taps) // 2 :]  # kernels of their own at every place
    n_taps = int(np.prod(taps, dtype=int))
    groups = getattr(layer, "groups", 1)
    return n_out, n_taps * n_in, n_taps * n_out // groups


def _batch_size(recipe: Recipe, task: Task) -> int:
    n = len(task.splits[0][0])
    return n if recipe.batch_size == "full" else min(recipe.batch_size, n)


def _coding(kind: TaskName) -> str:
    return {"binary": "zero_one", "multiclass": "integer"}.get(kind, "real")
