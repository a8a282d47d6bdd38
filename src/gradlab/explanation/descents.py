"""Optimizers on the classic surfaces, each at its best learning rate, drawn as a race."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.errors import RecipeError, unknown
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.results_folder import write_results
from gradlab.optim.kind import OptimizerKind
from gradlab.optim.optimizers import optimizer_kind
from gradlab.optim.surfaces import SURFACES, Surface

USUAL = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam")
N_RATES = 13
"""Learning rates tried, a factor √10 apart, the usual one in the middle."""
ARRIVED = 1e-3
"""A path has arrived when f − f* is this share of what it was in the beginning."""
MOST_STEPS = 5_000


@dataclass(frozen=True, eq=False)
class Descent:
    """One optimizer on one surface.

    Attributes:
        optimizer: Its name.
        learning_rate: The best of those tried; the usual one where there is no minimum.
        path: From the start, (steps + 1, 2).
        losses: f along it.
        arrived: First step at which f − f* is a thousandth of the beginning's (below −1 where
            there is no minimum); None if never.
    """

    optimizer: str
    learning_rate: float
    path: Float[np.ndarray, "points 2"]
    losses: Float[np.ndarray, " points"]
    arrived: int | None


@dataclass(frozen=True, eq=False)
class DescentStudy:
    """Several optimizers on several surfaces.

    Attributes:
        descents: By name of the surface, the first to arrive first.
        steps: Of each path.
        noise: Standard deviation of the noise in the gradients.
        command: What was typed.
    """

    descents: dict[str, tuple[Descent, ...]]
    steps: int
    noise: float
    command: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Who arrives first, and who does not, surface by surface."""
        return tuple(surface_sentence(name, rows) for name, rows in self.descents.items())

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "steps": self.steps,
            "noise": self.noise,
            "surfaces": {
                name: [
                    {
                        "optimizer": row.optimizer,
                        "learning_rate": row.learning_rate,
                        "arrived": row.arrived,
                        "final_loss": float(row.losses[-1]),
                        "end": row.path[-1].tolist(),
                    }
                    for row in rows
                ]
                for name, rows in self.descents.items()
            },
            "sentences": list(self.sentences),
            "command": self.command,
        }

    def save(self, folder: str | Path) -> Path:
        """Write report.html, paths.csv and results.json into a folder."""
        import polars as pl

        from gradlab.explanation.descents_page import page_of
        from gradlab.report import write_page

        folder = made_folder(folder)
        frames = [
            pl.DataFrame(
                {
                    "surface": [name] * len(row.path),
                    "optimizer": [row.optimizer] * len(row.path),
                    "step": np.arange(len(row.path)),
                    "x": row.path[:, 0],
                    "y": row.path[:, 1],
                    "f": row.losses,
                }
            )
            for name, rows in self.descents.items()
            for row in rows
        ]
        write_whole(folder / "paths.csv", pl.concat(frames).write_csv())
        write_page(page_of(self), folder / "report.html")
        write_results(folder, self.to_dict())
        return folder


def descend_surfaces(
    surfaces: Sequence[str] = tuple(SURFACES),
    optimizers: Sequence[str] = USUAL,
    *,
    steps: int = 200,
    noise: float = 0.0,
    seed: int = 0,
    command: str = "",
) -> DescentStudy:
    """Let optimizers descend surfaces, each at the best of 13 learning rates.

    All surfaces and rates of an optimizer are one compiled program. The best rate is that which
    arrives first, else that which ends lowest. Where there is no minimum (the saddle) every rate
    that is larger leaves sooner, so the usual one is taken.

    Args:
        surfaces: Names in `gradlab.optim.SURFACES`.
        optimizers: Names in `gradlab.optim.OPTIMIZERS`.
        steps: Of each path.
        noise: Standard deviation of normal noise in the gradients: what batches do to them.
        seed: Of the noise.
        command: What was typed, for the report.

    Raises:
        RecipeError: For an unknown name, or a number out of range.

    >>> study = descend_surfaces(["bowl"], ["sgd", "momentum"], steps=100)
    >>> [row.optimizer for row in study.descents["bowl"]]
    ['momentum', 'sgd']
    """
    if not 1 <= steps <= MOST_STEPS:
        raise RecipeError(f"steps must be a whole number from 1 to {MOST_STEPS:,}; got {steps}.")
    if not 0 <= noise < np.inf:
        raise RecipeError(f"noise must be a number from 0 up; got {noise}.")
    for name in surfaces:
        if name not in SURFACES:
            raise RecipeError(unknown("surface", name, SURFACES))
    if not surfaces or not optimizers:
        raise RecipeError("Name at least one surface and one optimizer.")
    names = tuple(dict.fromkeys(surfaces))
    kinds = [optimizer_kind(name) for name in dict.fromkeys(optimizers)]
    starts = jnp.array([SURFACES[name].start for name in names], jnp.float32)
    draws = jax.random.normal(jax.random.key(seed), (steps, 2), jnp.float32) * noise
    found: dict[str, list[Descent]] = {name: [] for name in names}
    for kind in kinds:
        rates = kind.learning_rate * 10 ** (np.arange(N_RATES) / 2 - N_RATES // 4)
        paths, losses = _all_paths(kind, names, starts, jnp.asarray(rates, jnp.float32), draws)
        for i, name in enumerate(names):
            found[name].append(
                _best(SURFACES[name], kind, rates, np.asarray(paths[i]), np.asarray(losses[i]))
            )
    order = {name: tuple(sorted(rows, key=_first_to_arrive)) for name, rows in found.items()}
    return DescentStudy(order, steps, float(noise), command)


@partial(jax.jit, static_argnames=("kind", "names"))
def _all_paths(
    kind: OptimizerKind,
    names: tuple[str, ...],
    starts: Float[Array, "surfaces 2"],
    rates: Float[Array, " rates"],
    draws: Float[Array, "steps 2"],
) -> tuple[Float[Array, "surfaces rates points 2"], Float[Array, "surfaces rates points"]]:
    """Return paths and losses of every surface and rate."""
    functions = [SURFACES[name].function for name in names]

    def path(which: Array, start: Array, rate: Array) -> tuple[Array, Array]:
        def f(point: Array) -> Array:
            return jax.lax.switch(which, functions, point)

        def step(carry: tuple, drawn: Array) -> tuple[tuple, Array]:
            point, state = carry
            updates, state = kind.factory(rate).update(jax.grad(f)(point) + drawn, state, point)
            point = point + updates
            return (point, state), kind.evaluation_params(point, state, {})

        carry = (start, kind.factory(0.0).init(start))
        points = jnp.concatenate([start[None], jax.lax.scan(step, carry, draws)[1]])
        return points, jax.vmap(f)(points)

    of_rates = jax.vmap(path, in_axes=(None, None, 0))
    return jax.vmap(of_rates, in_axes=(0, 0, None))(jnp.arange(len(names)), starts, rates)


def _best(
    surface: Surface, kind: OptimizerKind, rates: np.ndarray, paths: np.ndarray, losses: np.ndarray
) -> Descent:
    rows = [
        Descent(kind.name, float(rate), path, loss, _arrival(surface, loss))
        for rate, path, loss in zip(rates, paths, losses, strict=True)
    ]
    if surface.minimum is None:
        return min(rows, key=lambda row: abs(np.log(row.learning_rate / kind.learning_rate)))
    return min(rows, key=_first_to_arrive)


def _arrival(surface: Surface, losses: np.ndarray) -> int | None:
    if surface.minimum is None:
        reached = losses < -1
    else:
        lowest = float(surface.function(jnp.array(surface.minimum, jnp.float32)))
        reached = losses - lowest <= ARRIVED * (float(losses[0]) - lowest)
        # A path that runs through the minimum and ends elsewhere has not arrived.
        reached = np.logical_and.accumulate(reached[::-1])[::-1]
    steps = np.flatnonzero(reached)
    return int(steps[0]) if len(steps) else None


def _first_to_arrive(row: Descent) -> tuple[float, float]:
    final = float(row.losses[-1])
    late = np.inf if row.arrived is None else float(row.arrived)
    return late, final if np.isfinite(final) else np.inf


def surface_sentence(name: str, rows: tuple[Descent, ...]) -> str:
    """Return who arrives first on a surface, and who does not."""
    there = [row for row in rows if row.arrived is not None]
    shown = name.replace("_", " ")
    goal = "leaves" if SURFACES[name].minimum is None else "arrives"
    missing = [row.optimizer for row in rows if row.arrived is None]
    if not there:
        return f"{shown}: none {goal} in time."
    words = f"{shown}: {there[0].optimizer} {goal} first, after {there[0].arrived} steps"
    if len(there) > 1:
        words += f"; the last, {there[-1].optimizer}, after {there[-1].arrived}"
    if missing:
        words += f"; never: {', '.join(missing)}"
    return f"{words}."
