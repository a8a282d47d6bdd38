"""Into how many regions perceptrons cut space, and how sharply."""

from math import comb
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Real
from scipy.special import expit

from gradlab.nn.perceptron.boundary import Interval
from gradlab.nn.perceptron.multilayer import parallel_perceptrons
from gradlab.nn.perceptron.unit import step
from gradlab.scalars import Positive, Scalar


def region_count(n_perceptrons: int, n_inputs: int = 2) -> int:
    """Return the most regions that p hyperplanes cut a d-dimensional space into.

    Σ_{i=0..d} C(p, i); in the plane 1 + p (p + 1) / 2. Reached in general position: no two
    lines parallel, no three through one point. There are 2^p corners to map the regions to.

    Source: Schläfli 1852; Zaslavsky 1975.

    >>> [region_count(p) for p in (1, 2, 3, 4)]
    [2, 4, 7, 11]
    """
    return sum(comb(n_perceptrons, i) for i in range(n_inputs + 1))


def grid(
    x_range: Interval, y_range: Interval, points: int = 200
) -> Float[np.ndarray, "points points 2"]:
    """Return the points of a square grid; the last axis is (x, y), rows run along y."""
    x = np.linspace(*x_range, points)
    y = np.linspace(*y_range, points)
    return np.stack(np.meshgrid(x, y), axis=-1)


def region_map(
    weights: Real[np.ndarray, "2 perceptrons"],
    biases: Real[np.ndarray, " perceptrons"],
    points: Float[np.ndarray, "rows columns 2"],
) -> tuple[Int[np.ndarray, "rows columns"], Int[np.ndarray, "regions perceptrons"]]:
    """Return the region of every grid point, and the corner of the cube that each region maps to.

    Regions are numbered from 0 in the order of their corners; corners are written with 0 and 1.
    A region narrower than the grid's step is not seen.

    >>> lines = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.0, 0.0])  # the two axes
    >>> region_map(*lines, grid((-1, 1), (-1, 1), 4))[1].tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    answers = parallel_perceptrons(points.reshape(-1, 2), weights, biases, coding="binary")
    corners, region = np.unique(answers, axis=0, return_inverse=True)
    return region.reshape(points.shape[:2]), corners


def partition_map(
    weights: Real[np.ndarray, " 2"],
    bias: Scalar,
    points: Float[np.ndarray, "rows columns 2"],
    *,
    decision: Literal["hard", "soft"] = "hard",
    slope: Positive = 1.0,
) -> Float[np.ndarray, "rows columns"]:
    """Return a unit's answer, 0 to 1, over a grid: a step ("hard") or a sigmoid ("soft").

    A step maps a whole region to one point; a sigmoid maps it to a range, and `slope` says how
    fast the answer changes across the boundary.

    >>> over = partition_map(np.array([1.0, 0.0]), 0.0, grid((-1, 1), (0, 1), 3))
    >>> over[0]
    array([0., 1., 1.])
    """
    s = points @ weights + bias
    return step(s).astype(float) if decision == "hard" else expit(float(slope) * s)
