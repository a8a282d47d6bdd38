"""From what people have, a network, a model, an estimator, a recipe, to a step to explain."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree, Shaped

from gradlab.data import FeatureTable, features_like
from gradlab.data.unlabelled import label_text
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.network import Network
from gradlab.explanation.step import Step, as_float64, begin
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import initial_state
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey, row_key
from gradlab.training.interface import Interface
from gradlab.training.model import Model
from gradlab.training.network import build_network
from gradlab.training.packing import unpack_on_host
from gradlab.training.population import layouts_of
from gradlab.training.precision import precision
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of, supervised
from gradlab.training.task import TaskKind


def of_estimator(estimator: Network, X: Any, y: Any, options: dict[str, Any]) -> Step:
    """Return the step that an estimator would make next on some rows, from where it stands."""
    seen = estimator._seen(X)  # first: it reports an unfitted estimator
    model, trained = estimator.model_, estimator._trained
    state = _standing(trained.recipe, model, trained.state)
    fixed = eqx.filter(model.network, eqx.is_array, inverse=True)
    return begin(
        eqx.combine(state.model, fixed),
        inputs(seen.x, seen.lengths),
        targets(model, y, len(seen.x)),
        trained.recipe,
        kind=model.kind,
        states=state.layers,
        optimizer=state.optimizer,
        **_keyed(options, len(seen.x), seed=trained.seed),
    )


def _standing(recipe: Recipe, model: Model, words: Any) -> Any:
    """Return weights, layers' states and optimizer's state, as training left them."""
    dtype = dtype_of(model.network)
    with warnings.catch_warnings(), precision(dtype):
        warnings.simplefilter("ignore", UserWarning)  # told when it was trained
        learner = supervised(recipe, model.interface, kind=model.kind, dtype=dtype)
        return unpack_on_host(words, layouts_of((learner,), dtype).states[0])


def of_model(model: Model, X: Any, y: Any, options: dict[str, Any]) -> Step:
    """Return the first step that would train a model on, with a fresh optimizer."""
    lengths = None
    if model.preprocessor is None:
        x = array_of(X)
    else:
        given = isinstance(X, FeatureTable)
        features = X if given else features_like(X, model.preprocessor, **model.reading)
        x, lengths = model.inputs(features), model.lengths(features)
    return begin(
        model.network,
        inputs(x, lengths),
        targets(model, y, len(x)),
        model.recipe,
        kind=model.kind,
        states=model.states,
        **_keyed(options, len(x)),
    )


def of_recipe(recipe: Recipe, X: Any, y: Any, options: dict[str, Any]) -> Step:
    """Return the first step of a recipe's training on some rows."""
    x, y = array_of(X), _given(y, len(array_of(X)))
    if np.issubdtype(y.dtype, np.floating):
        numbers = y.reshape(len(y), -1)
        kind: TaskKind = "regression"
        n_outputs = numbers.shape[1]
    else:
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"A recipe's network has an output for every class, and y holds one class alone "
                f"({classes[0]!r}). Give rows of two classes or more, or a network of your own."
            )
        kind = "binary" if len(classes) == 2 else "multiclass"
        n_outputs = 1 if kind == "binary" else len(classes)
    seed = int(options.get("seed") or 0)
    network = build_network(
        recipe, Interface(x.shape[1:], n_outputs), seed=seed, dtype=np.dtype(np.float64)
    )
    return begin(network, inputs(x), numbers, recipe, kind=kind, **_keyed(options, len(x)))


def of_network(network: Any, X: Any, y: Any, recipe: Recipe | None, options: dict) -> Step:
    """Return the first step of training any module that keeps the layer contract."""
    if X is None:
        raise DataError("A network is explained on rows: give X and y, as explain(network, X, y).")
    x = X if isinstance(X, Padded) else array_of(X)
    y = _given(y, len(x.values if isinstance(x, Padded) else x))
    recipe = recipe or Recipe(optimizer="sgd")
    x, network = inputs(x), as_float64(network)
    outputs = _outputs_of(network, x)
    kind = _kind_of(y, outputs, recipe)
    numbers = y.reshape(len(y), -1).astype(float) if kind == "regression" else y
    if kind == "regression" and numbers.shape[1] != outputs:
        raise DataError(
            f"The network gives {outputs} numbers a row, but y has {numbers.shape[1]}. Give as "
            "many."
        )
    if kind != "regression" and (y.min() < 0 or y.max() >= max(2, outputs)):
        raise DataError(
            f"y must hold class numbers from 0 to {max(2, outputs) - 1} for a network of "
            f"{outputs} outputs; it holds {y.min()} to {y.max()}."
        )
    rows = len(y)
    return begin(network, x, numbers, recipe, kind=kind, **_keyed(options, rows))


def _outputs_of(network: Any, x: Any) -> int:
    try:
        shape = jax.eval_shape(lambda v: network(v, initial_state(network))[0], x)
    except TypeError as error:
        if not callable(network):
            raise RecipeError(
                "explain takes a network, an estimator, a model, a recipe, a study, or the name of "
                f"an example; got a {type(network).__name__}."
            ) from None
        raise RecipeError(
            f"The {type(network).__name__} can't be called as layer(x, state): {error}. Wrap a "
            "module for one example in gradlab.per_example."
        ) from None
    values = shape.values if isinstance(shape, Padded) else shape
    return int(values.shape[-1])


def _kind_of(y: np.ndarray, outputs: int, recipe: Recipe) -> TaskKind:
    if recipe.loss != "auto":
        tasks = LOSSES[recipe.loss].tasks
        for kind in ("regression", "binary", "multiclass"):
            if kind in tasks:
                return kind
    if np.issubdtype(y.dtype, np.floating):
        return "regression"
    return "binary" if outputs == 1 else "multiclass"


def targets(model: Model, y: Any, n_rows: int) -> Shaped[np.ndarray, "rows ..."]:
    """Return answers as the network is to give them.

    Raises:
        DataError: If there are none, too many, or labels that the model does not know.
    """
    if model.kind == "reconstruction":
        return np.zeros(n_rows, np.int32)
    given = _given(y, n_rows)
    if model.kind == "regression":
        numbers = given.astype(np.float64).reshape(n_rows, -1)
        shift, scale = np.atleast_2d(model.target_shift), np.atleast_2d(model.target_scale)
        return (numbers - shift) / scale
    if model.interface.per_step:
        return given.astype(np.int32)
    place = {label_text(label): i for i, label in enumerate(model.classes)}
    labels = [label_text(label.item() if hasattr(label, "item") else label) for label in given]
    strangers = sorted({label for label in labels if label not in place})
    if strangers:
        raise DataError(
            f"The model knows the classes {', '.join(place)}; y holds {', '.join(strangers[:5])}."
        )
    return np.array([place[label] for label in labels], np.int32)


def _given(y: Any, n_rows: int) -> np.ndarray:
    if y is None:
        raise DataError("A step needs the true answers: give y, one for each row of X.")
    array = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    array = array.reshape(1) if array.ndim == 0 else array
    if len(array) != n_rows:
        raise DataError(f"X has {n_rows} rows, but y has {len(array)} answers. Give one a row.")
    return array


def array_of(X: Any) -> np.ndarray:
    """Return rows as an array of numbers.

    Raises:
        DataError: If there are none, or they are no finite numbers.
    """
    if X is None:
        raise DataError("There are no rows to explain: give X and y.")
    array = np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else X)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"X must hold numbers, scaled as the network takes them; got {array.dtype}. Give them "
            "as a NumPy array."
        )
    if array.ndim < 2 or not len(array):
        raise DataError(
            f"X must hold rows, shape (rows, features); got shape {array.shape}. One row is X[:1]."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError("X holds numbers that are not finite. Fill or leave out such rows.")
    return array


def inputs(x: np.ndarray | Padded, lengths: Any = None) -> Any:
    """Return inputs as the network sees them: bytes as shares of 255, lengths beside."""
    if isinstance(x, Padded):
        return Padded(as_float64(x.values), np.asarray(x.lengths))
    if x.dtype == np.uint8:
        x = x / 255
    return x if lengths is None else Padded(x, np.asarray(lengths))


def _keyed(options: dict[str, Any], n_rows: int, *, seed: int = 0) -> dict[str, Any]:
    """Return the options of `begin`, with the key of masks in the place of seed and step."""
    given = options.get("seed")
    key: RowKey = row_key(
        np.uint32((seed if given is None else given) % 2**32),
        np.uint32(options.get("step") or 0),
        jnp.arange(n_rows),
    )
    rest: PyTree = {k: v for k, v in options.items() if k in ("rate", "training")}
    return {**rest, "key": key}
