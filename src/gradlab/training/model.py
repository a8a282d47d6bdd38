"""A trained network with everything that prediction needs, in one file."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int, Num, PyTree

from gradlab.errors import DataError
from gradlab.files import write_whole
from gradlab.training.interface import Interface
from gradlab.training.network import build_network, network_table
from gradlab.training.precision import precision
from gradlab.training.predict import forward, probabilities, rows_a_call
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task, TaskKind

if TYPE_CHECKING:
    from gradlab.data import AnyPreprocessor, FeatureTable

FORMAT = 1
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, StopIteration, MemoryError, DataError)
"""What restoring a damaged file may raise."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A trained network, its recipe, and the way from raw rows to its inputs and back.

    Args:
        recipe: What it was trained by.
        network, states: The network and its layers' states.
        kind: Of the target.
        classes: Labels in the order of the outputs; () for regression.
        interface: Shapes of the network's inputs and outputs.
        target_name: The predicted column.
        target_shift, target_scale: number = score · target_scale + target_shift; one for all, or
            one for each output.
        preprocessor: From a table to inputs; None if the caller scales.
        reading: How `features_like` is to read new data (series, time, text, horizon,
            left_out).
        scores: Validation and test scores by name.
    """

    recipe: Recipe
    network: PyTree
    states: PyTree
    kind: TaskKind
    classes: tuple
    interface: Interface
    target_name: str = "target"
    target_shift: float | tuple[float, ...] = 0.0
    target_scale: float | tuple[float, ...] = 1.0
    preprocessor: "AnyPreprocessor | None" = None
    reading: dict[str, Any] = dataclasses.field(default_factory=dict)
    scores: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def n_outputs(self) -> int:
        """Scores of the network."""
        return self.interface.n_outputs

    @property
    def n_features(self) -> int:
        """Numbers of an example."""
        return self.interface.n_features

    @functools.cached_property
    def chunk(self) -> int:
        """Rows that prediction takes at once."""
        return rows_a_call(self.recipe, self.interface)

    def inputs(self, features: "FeatureTable") -> Num[np.ndarray, "rows *shape"]:
        """Return a table's rows as the network sees them."""
        assert self.preprocessor is not None, "this model was trained on scaled inputs"
        return self.preprocessor.transform(features)

    def lengths(self, features: "FeatureTable") -> Int[np.ndarray, " rows"] | None:
        """Return the real steps of a table's sequences, where they may differ."""
        return None if self.preprocessor is None else self.preprocessor.lengths(features)

    def scores_of(
        self, x: Num[np.ndarray, "rows *shape"], lengths: Int[np.ndarray, " rows"] | None = None
    ) -> Float[np.ndarray, "rows *outputs"]:
        """Return the network's scores (logits, or standardised numbers) of inputs."""
        return forward(self.network, self.states, x, lengths, chunk=self.chunk)

    def predict_proba(
        self, x: Num[np.ndarray, "rows *shape"], lengths: Int[np.ndarray, " rows"] | None = None
    ) -> np.ndarray:
        """Return the probability of each class, shape (rows, classes), or (rows, time, classes)."""
        return probabilities(self.scores_of(x, lengths))

    def predict(
        self, x: Num[np.ndarray, "rows *shape"], lengths: Int[np.ndarray, " rows"] | None = None
    ) -> np.ndarray:
        """Return the most probable label, or the number, of each row (or of each step)."""
        scores = self.scores_of(x, lengths)
        if self.kind == "reconstruction":
            return self.network.reconstruction(scores)
        if self.kind == "regression":
            scale, shift = np.atleast_2d(self.target_scale), np.atleast_2d(self.target_shift)
            numbers = scores.astype(np.float64) * scale + shift
            return numbers[:, 0] if numbers.shape[1] == 1 else numbers
        labels = np.asarray(self.classes)
        return labels[probabilities(scores).argmax(axis=-1)]

    def save(
        self,
        path: str | Path,
        *,
        notes: Mapping[str, str] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
    ) -> Path:
        """Write the model as one safetensors file; its header holds the rest as JSON.

        Args:
            path: Where to.
            notes: More texts for the header, for a writer that keeps more than the model.
            tensors: And more arrays.

        Raises:
            StudyError: If the file can't be written.
            RecipeError: If the recipe holds an optimizer object.
        """
        from safetensors.numpy import save

        content = {
            "format": FORMAT,
            "recipe": self.recipe.to_dict(),
            "kind": self.kind,
            "classes": [_plain(label) for label in self.classes],
            "interface": self.interface.to_dict(),
            "target_name": self.target_name,
            "target_shift": self.target_shift,
            "target_scale": self.target_scale,
            "preprocessor": None if self.preprocessor is None else self.preprocessor.to_dict(),
            "reading": self.reading,
            "scores": self.scores,
        }
        arrays = {**_tensors(self.network, self.states), **(tensors or {})}
        header = {"gradlab": json.dumps(content), **(notes or {})}
        return write_whole(path, save(arrays, metadata=header))


def load_model(path: str | Path) -> Model:
    """Read a model that `Model.save` wrote.

    Raises:
        DataError: If the file is absent, damaged, or no model of Gradlab's.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the model's .safetensors file.")
    try:
        with safe_open(path, framework="np") as file:
            header = (file.metadata() or {}).get("gradlab")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"Could not read the model {path}: {error}. Give a file that `gradlab train` wrote."
        ) from error
    if header is None:
        raise DataError(f"{path} holds weights, but not of a Gradlab model (no 'gradlab' header).")
    try:
        content = json.loads(header)
        version = content["format"]
        if version == FORMAT:
            return _restore(content, tensors)
    except DAMAGED as error:
        raise DataError(f"The model {path} is damaged: {error!r}. Train it again.") from error
    raise DataError(
        f"{path} has format {version}; this version reads {FORMAT}. Train the model again."
    )


def model_of(
    task: Task,
    recipe: Recipe,
    trained: tuple[PyTree, PyTree],
    *,
    preprocessor: "AnyPreprocessor | None" = None,
    target_name: str = "target",
    reading: dict[str, Any] | None = None,
    scores: dict[str, float] | None = None,
) -> Model:
    """Return the model of a run's network."""
    return Model(
        recipe=recipe,
        network=trained[0],
        states=trained[1],
        kind=task.kind,
        classes=task.classes,
        interface=task.interface,
        target_name=target_name,
        target_shift=task.target_shift,
        target_scale=task.target_scale,
        preprocessor=preprocessor,
        reading=reading or {},
        scores=scores or {},
    )


def _tensors(network: PyTree, states: PyTree) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_leaves_with_path((eqx.filter(network, eqx.is_array), states))
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def _name(path: tuple) -> str:
    return ("network" if path[0].idx == 0 else "state") + jax.tree_util.keystr(path[1:])


def _restore(content: dict[str, Any], tensors: dict[str, np.ndarray]) -> Model:
    from gradlab.data import preprocessor_from_dict

    recipe = Recipe(**content["recipe"])
    interface = Interface.from_dict(content["interface"])
    n_outputs = interface.n_outputs
    classes = {"multiclass": n_outputs, "binary": 2}.get(content["kind"], 0)
    if len(content["classes"]) != classes:
        raise ValueError(f"it has {len(content['classes'])} classes for {n_outputs} outputs")
    # A network as large as the header says is built only if the file holds one.
    weights = [t for name, t in tensors.items() if name.startswith("network")]
    if min(*interface.input_shape, n_outputs) < 1:
        raise ValueError("its network has no inputs or no outputs")
    needed = sum(row.n_parameters for row in network_table(recipe, interface))
    if needed > sum(t.size for t in weights):
        raise ValueError(f"its recipe needs {needed} weights, which it does not hold")
    dtype = next(t.dtype for t in weights if np.issubdtype(t.dtype, np.floating))
    template = build_network(recipe, interface, seed=None, dtype=dtype)
    arrays, static = eqx.partition(template, eqx.is_array)
    with precision(dtype):
        pair = (arrays, template.initial_state())

    def fill(path: tuple, leaf: np.ndarray | jax.Array) -> np.ndarray:
        name = _name(path)
        if name not in tensors:
            raise ValueError(f"tensor '{name}' is missing")
        if tensors[name].shape != leaf.shape:
            raise ValueError(
                f"tensor '{name}' has shape {tensors[name].shape}, the recipe needs {leaf.shape}"
            )
        return tensors[name]

    network, states = jax.tree_util.tree_map_with_path(fill, pair)
    stored = content["preprocessor"]
    return Model(
        recipe=recipe,
        network=eqx.combine(network, static),
        states=states,
        kind=content["kind"],
        classes=tuple(content["classes"]),
        interface=interface,
        target_name=content["target_name"],
        target_shift=_number_or_tuple(content["target_shift"]),
        target_scale=_number_or_tuple(content["target_scale"]),
        preprocessor=None if stored is None else preprocessor_from_dict(stored),
        reading=content["reading"],
        scores=content["scores"],
    )


def _number_or_tuple(stored: float | list[float]) -> float | tuple[float, ...]:
    return tuple(stored) if isinstance(stored, list) else stored


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
