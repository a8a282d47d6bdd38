"""The loss around a solution, in two directions of chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.explanation.explain import opened, step_of
from gradlab.explanation.step import FLOAT64, Step, mean_loss, on_device, parted, penalty
from gradlab.nn.penalties import is_weight
from gradlab.training.precision import precision
from gradlab.training.recipe import Recipe

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 201


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The loss on a plane through a network's weights.

    Attributes:
        along: Coordinates in both directions; 1 is a step as long as each unit's own weights.
        loss: At each pair, the second direction down, the first across.
        center: Loss at the weights themselves.
        title: What was looked at.
    """

    along: Float[np.ndarray, " points"]
    loss: Float[np.ndarray, "points points"]
    center: float
    title: str

    @property
    def lowest(self) -> tuple[float, float]:
        """Coordinates of the lowest loss on the plane."""
        row, column = np.unravel_index(int(np.nanargmin(self.loss)), self.loss.shape)
        return float(self.along[column]), float(self.along[row])

    @property
    def rise(self) -> float:
        """Mean loss half a step away from the weights, less that at them: how sharp they lie."""
        a, b = np.meshgrid(self.along, self.along)
        ring = np.abs(np.hypot(a, b) - 0.5) <= 0.75 * (self.along[1] - self.along[0])
        return float(np.nanmean(self.loss[ring])) - self.center if ring.any() else float("nan")

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the surface shows, in words."""
        a, b = self.lowest
        low = float(np.nanmin(self.loss))
        first = f"The loss is {self.center:.4g} at the weights"
        if low < self.center - 1e-3 * abs(self.center):
            first += f", and lower, {low:.4g}, at ({a:.2g}, {b:.2g}): they are no minimum."
        else:
            first += ", and nowhere lower on this plane."
        return (first, f"Half a step away it is {self.rise:.3g} higher on average.")

    def figure(self) -> "go.Figure":
        """Return the contours, with a cross at the weights."""
        from gradlab.plots.loss_surface import loss_surface_figure

        return loss_surface_figure(self.along, self.loss, title=f"Loss around {self.title}")

    def report(self, path: str | Path) -> Path:
        """Write a page with the contours, one HTML file that works offline."""
        from gradlab import report
        from gradlab.lab.analysis import page_parts

        plot = report.plot(
            "surface",
            self.figure(),
            title="Loss around the weights",
            description="Contours of the loss on a plane through the weights.",
            how_to_read=(
                "The cross is the network as it is. Even rings: a bowl; long ovals: a ravine, in "
                "which steps swing; wide distances: a flat solution, which bears changes of its "
                "weights. 1 is a step as long as each unit's own weights."
            ),
            wide=True,
        )
        page = page_parts.contents(
            title=f"Loss surface: {self.title}",
            kicker="Explanation",
            question="What does the loss look like around these weights?",
            facts=(),
            answer=self.sentences,
            sections=(report.Section("The surface", (), (plot,)),),
            method=(
                report.MethodItem(
                    "Directions",
                    "Two directions of chance, in which each unit's weights have the length of its "
                    "own (Li et al. 2018, filter normalisation); biases and scales stay.",
                ),
            ),
            notes=(),
            files=(),
            command="",
        )
        return report.write_page(page, path)


def loss_surface(
    subject: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    recipe: Recipe | None = None,
    reach: float = 1.0,
    points: int = 31,
    seed: int = 0,
) -> LossSurface:
    """Return the loss on a plane through a network's weights w.

    L(a, b) = loss(w + a d₁ + b d₂) on the rows given, with the penalties of the recipe. d₁ and d₂
    are normal draws, each unit's (each filter's) scaled to the length of that unit's own weights,
    so that layers of unlike size can be compared; biases and the numbers of normalisation layers
    stay. Layers behave as when predicting. Source: Li et al. 2018, equation 1 and section 4,
    https://arxiv.org/abs/1712.09913.

    Args:
        subject, X, y, recipe: As of `gl.explain`; None is the course's 2-2-1 network.
        reach: How far to look in both directions; 1 is a step as long as the weights.
        points: In each direction, an odd number so that the weights themselves are one.
        seed: Of the directions.

    Raises:
        DataError: If rows or answers are missing or don't fit.
        RecipeError: If the subject is none that can be explained, or a number is out of range.

    >>> surface = loss_surface(points=5)
    >>> surface.loss.shape, round(surface.center, 4)
    ((5, 5), 0.1373)
    """
    if points < 3 or points % 2 == 0 or points > MOST_POINTS:
        raise RecipeError(f"points must be an odd number from 3 to {MOST_POINTS}; got {points}.")
    if not 0 < reach < np.inf:
        raise RecipeError(f"reach must be above 0; got {reach}.")
    with precision(FLOAT64):
        what = opened(subject)
        step, title, _ = step_of(what, X, y, recipe, {"training": False})
        title = title if isinstance(what, str) else type(what).__name__
        params, rest = parted(step.network)
        rng = np.random.default_rng(seed)
        directions = [_direction(params, rng) for _ in range(2)]
        along = np.linspace(-reach, reach, points)
        grid = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
        loss = np.asarray(_losses(step, params, rest, directions, grid))
    square = loss.reshape(points, points)
    return LossSurface(along, square, float(square[points // 2, points // 2]), title)


def _direction(params: PyTree, rng: np.random.Generator) -> PyTree:
    """Return a draw whose part of each unit is as long as the unit's own weights."""

    def of_leaf(path: Any, leaf: Any) -> Any:
        own = np.asarray(leaf, np.float64)
        if not is_weight(path) or own.ndim < 2:
            return np.zeros_like(own)
        draw = rng.standard_normal(own.shape)
        # The last axis counts a layer's units; filters have their window and channels before it.
        axes = tuple(range(own.ndim - 1))
        length = np.sqrt((own**2).sum(axis=axes, keepdims=True))
        return draw * length / np.sqrt((draw**2).sum(axis=axes, keepdims=True))

    return jax.tree_util.tree_map_with_path(of_leaf, params)


def _losses(
    step: Step, params: PyTree, rest: PyTree, directions: Sequence[PyTree], grid: np.ndarray
) -> Float[Array, " points"]:
    """Return the loss at every point of the plane."""
    first, second = directions
    weight, y = jnp.asarray(step.weight), jnp.asarray(step.y)
    x, states = on_device(step.x), on_device(step.states)

    @jax.jit
    def all_points(params: PyTree, first: PyTree, second: PyTree, grid: Array) -> Array:
        def loss(point: Array) -> Array:
            moved = jax.tree.map(lambda w, d, e: w + point[0] * d + point[1] * e, params, first,
                                 second)  # fmt: skip
            network = eqx.combine(moved, rest)
            answers, _ = network(x, states, training=False)
            return mean_loss(step, x, y, weight, answers, None) + penalty(step, network)

        return jax.lax.map(loss, grid)

    return all_points(on_device(params), on_device(first), on_device(second), jnp.asarray(grid))
