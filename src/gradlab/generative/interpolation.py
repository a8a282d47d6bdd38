"""Ways from one noise to another: what lies between two generated examples."""

from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.checks import rows_of, whole

PATHS = ("linear", "spherical")


def interpolate(z0: Any, z1: Any, n: int, path: str = "linear") -> Float[np.ndarray, "n d"]:
    """Return n noises on the way from z0 to z1, both ends among them.

        linear:     z(t) = (1 − t) z0 + t z1,                                t = 0 … 1
        spherical:  z(t) = (sin((1 − t) Ω) z0 + sin(t Ω) z1) / sin Ω,        Ω = ∠(z0, z1)

    Normal noise of many dimensions lies near a sphere; the linear way cuts through its inside,
    where the generator was never trained, the spherical way stays on it. Where both point the same
    way (Ω = 0) the spherical one is the linear one.

    Args:
        z0: Noise at the start, (d,), or of any shape, which is laid flat.
        z1: Noise at the end.
        n: How many, at least 2.
        path: "linear" or "spherical".

    Raises:
        DataError: If the noises differ in size or are not finite; if the way is spherical and one
            is zero or the two are opposite, for then every arc is as short as any other.
        RecipeError: If n is below 2 or the path has another name.

    Source: catalogue GEN-13; spherical: Shoemake 1985, White 2016, https://arxiv.org/abs/1609.04468

    >>> interpolate(np.array([0.0, 0.0]), np.array([2.0, 4.0]), 3)
    array([[0., 0.],
           [1., 2.],
           [2., 4.]])
    >>> interpolate([1.0, 0.0], [0.0, 1.0], 3, "spherical").round(4)
    array([[1.    , 0.    ],
           [0.7071, 0.7071],
           [0.    , 1.    ]])
    """
    start, end = (
        rows_of(name, np.ravel(z))[:, 0] for name, z in (("z0", np.asarray(z0)), ("z1", z1))
    )
    if start.shape != end.shape:
        raise DataError(
            f"z0 and z1: expected noises of one size; got {start.size} and {end.size} numbers."
        )
    whole("n", n, least=2)
    if path not in PATHS:
        raise RecipeError(unknown("path", str(path), PATHS))
    t = np.linspace(0.0, 1.0, n)[:, None]
    before, after = 1 - t, t
    if path == "spherical":
        before, after = _on_the_arc(start, end, t)
    way = before * start[None, :] + after * end[None, :]
    way[0], way[-1] = start, end
    return way


def _on_the_arc(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = float(np.linalg.norm(start)), float(np.linalg.norm(end))
    if min(lengths) == 0:
        raise DataError(
            "path='spherical': expected noises that point somewhere; one is 0 everywhere. "
            "Use path='linear'."
        )
    u, v = start / lengths[0], end / lengths[1]
    # Kahan's angle, exact near 0 and near π where the arc cosine is not.
    angle = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    if np.pi - angle < 1e-7:
        raise DataError(
            "path='spherical': z1 points exactly opposite to z0, so no arc between them is the "
            "shortest. Use path='linear', or go by a third noise."
        )
    if angle < 1e-7:
        return 1 - t, t
    return np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
