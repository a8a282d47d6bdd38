"""A program's rows as its training takes them: scaled, in one table, on the device."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from gradlab.doctor.program.coding import CLASSES, coded, output_mismatch, raw_targets
from gradlab.doctor.program.network import places
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.scaling import fit_scaler
from gradlab.doctor.program.training import Data
from gradlab.errors import DataError
from gradlab.training.probes import PARTS

WATCHED = 500
"""Training rows whose score is followed, at most."""
FEW, MOST = 64, 256
"""Rows that probes look at."""
CHUNK = 500
"""Rows that are scored at once, at most."""
CACHED = 2**19
"""Numbers of the largest map of these rows: 2 MB of float32."""


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Scaled rows of a program.

    Attributes:
        x, y: Training rows, then those held back.
        n_train: Of the former.
        weight: Of each row in the loss.
        variance: Of the targets of watched rows and of those held back, for R².
        chunk: Rows that are scored at once.
        follows_held: Whether loss and score of rows held back are followed; NaN if not.
    """

    x: Float[np.ndarray, "rows ..."]
    y: Num[np.ndarray, "rows ..."]
    n_train: int
    weight: Float[np.ndarray, " rows"]
    watched: np.ndarray
    held: np.ndarray | None
    variance: tuple[float, float]
    chunk: int
    follows_held: bool = True

    @functools.cached_property
    def data(self) -> Data:
        """The rows on the device."""
        groups = [self.watched] if self.held is None else [self.watched, self.held]
        size = min(self.chunk, max(len(rows) for rows in groups))
        tables = [table(rows, size) for rows in groups]
        followed = tables if self.follows_held else [table(self.watched[self.watched >= 0], size)]
        data = Data(
            x=self.x.astype(np.float32),
            y=self.y,
            weight=self.weight.astype(np.float32),
            n_train=np.int32(self.n_train),
            judged=np.concatenate(tables),
            group=np.repeat(np.arange(len(tables), dtype=np.int32), [len(t) for t in tables]),
            n_chunks=np.int32(sum(len(t) for t in followed)),
        )
        return jax.tree.map(jax.device_put, data)

    @functools.cached_property
    def probed(self) -> np.ndarray:
        """The training rows that probes look at: all of few, some of many."""
        size = self.n_train if self.n_train <= FEW else max(FEW, min(MOST, self.n_train // 50))
        size -= size % PARTS if size >= 2 * PARTS else 0
        order = np.random.Generator(np.random.Philox(key=[0, 0])).permutation(self.n_train)
        return np.sort(order[:size]).astype(np.int32)

    def first_rows(self, n_rows: int) -> "Prepared":
        """Return it with the first so many training rows alone, in an order of chance.

        The table keeps its shape, so that nothing is compiled anew. Rows held back are not
        followed: they are many more than what trains.
        """
        n_rows = max(1, min(n_rows, self.n_train))
        order = np.random.Generator(np.random.Philox(key=[7, 0])).permutation(self.n_train)
        moved = np.concatenate([order, np.arange(self.n_train, len(self.x))])
        watched = np.full(len(self.watched), -1, np.int32)
        watched[: min(n_rows, len(watched))] = np.arange(min(n_rows, len(watched)))
        y = self.y[moved]
        own = (_variance(y[:n_rows]), self.variance[1])
        return dataclasses.replace(
            self,
            x=self.x[moved],
            y=y,
            weight=self.weight[moved],
            n_train=n_rows,
            watched=watched,
            variance=own,
            follows_held=False,
        )


def prepare(program: Program) -> Prepared:
    """Return a program's rows, scaled and coded as it says.

    Raises:
        DataError: If rows, targets and network do not fit together.
    """
    settings = program.settings
    x, y = program.training_rows()
    judged = program.judging_rows()
    scaler = fit_scaler(settings.scaling.inputs, x)
    inputs, targets = [scaler(x)], [raw_targets(settings, y)]
    n_train = len(x)
    if judged is not None:
        same = settings.scaling.validation_inputs == "same"
        inputs.append(scaler(judged[0]) if same else np.asarray(judged[0], np.float64))
        targets.append(raw_targets(settings, judged[1]))
    if settings.labels.coding not in CLASSES:
        of_targets = fit_scaler(settings.scaling.targets, targets[0])
        targets = [of_targets(part) for part in targets]
        answers = [part.astype(np.float32) for part in targets]
    else:
        answers = targets
    found = places(settings.model)
    shape = found[-1].shape_out
    largest = max(math.prod(place.shape_out) for place in found)
    problem = output_mismatch(settings, shape, answers[0])
    if problem:
        raise DataError(f"{program.name}: {problem} Change the last layer, or the targets.")
    both = np.concatenate(answers)
    n = min(n_train, WATCHED)
    watched = np.random.Generator(np.random.Philox(key=[3, 0])).permutation(n_train)[:n]
    held = None if judged is None else np.arange(n_train, len(both), dtype=np.int32)
    return Prepared(
        x=np.concatenate(inputs),
        y=both,
        n_train=n_train,
        weight=_weights(settings, both, n_train),
        watched=np.sort(watched).astype(np.int32),
        held=held,
        variance=(_variance(both[watched]), _variance(both[n_train:])),
        chunk=max(16, min(CHUNK, CACHED // largest)),
    )


def targets_of_loss(program: Program, prepared: Prepared) -> Float[np.ndarray, "rows ..."]:
    """Return the targets of all rows as the loss sees them."""
    shape = places(program.settings.model)[-1].shape_out
    return np.asarray(coded(program.settings, jnp.asarray(prepared.y), shape))


def table(rows: np.ndarray, size: int) -> np.ndarray:
    """Return row numbers in chunks of a size, padded with −1."""
    n_chunks = -(-len(rows) // size)
    padded = np.full(n_chunks * size, -1, np.int32)
    padded[: len(rows)] = rows
    return padded.reshape(n_chunks, size)


def _variance(y: np.ndarray) -> float:
    return float(np.var(y.astype(np.float64))) if len(y) and y.dtype.kind == "f" else float("nan")


def _weights(settings: Any, y: np.ndarray, n_train: int) -> np.ndarray:
    """Return ones, or for balanced classes what gives each class the same sum."""
    weight = np.ones(len(y))
    if settings.class_weight == "balanced" and y.dtype.kind == "i" and y.ndim == 1:
        counts = np.bincount(y[:n_train])
        present = counts > 0
        of_class = np.where(present, n_train / np.maximum(counts, 1) / present.sum(), 1.0)
        weight[:n_train] = of_class[y[:n_train]]
    return weight
