"""Which settings to try next, in a cube whose sides go from 0 to 1; values are to be large.

Sources: Bergstra and Bengio 2012, https://jmlr.org/papers/v13/bergstra12a (random search); Jones,
Schonlau and Welch 1998, https://doi.org/10.1023/A:1008306431147, eq. 15 (expected improvement);
Ginsbourger, Le Riche and Carraro 2010, https://doi.org/10.1007/978-3-642-10701-6_6 (the believer).
SciPy and scikit-learn are imported inside the functions that use them.
"""

import warnings

import numpy as np
from jaxtyping import Float

SHRINK = 0.5
"""Width of a side by that of the round before."""

CANDIDATES = 2000
"""Points among which the expected improvement is largest, half of them near the best so far."""

NEAR = 0.05
"""Deviation of these, in sides of the cube."""

EXPLORE = 0.2
"""Chance that a point is drawn at random instead: a process that is wrong and sure of it would
otherwise try the same place for ever (Bull 2011, https://jmlr.org/papers/v12/bull11a)."""

Box = Float[np.ndarray, "d 2"]
Points = Float[np.ndarray, "n d"]


def spread_out(n: int, box: Box, generator: np.random.Generator) -> Points:
    """Return n random points of a box, one in each of n slices along every side.

    >>> points = spread_out(4, np.array([[0.0, 1.0]]), np.random.default_rng(0))
    >>> np.floor(4 * np.sort(points[:, 0])).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    slices = np.stack([generator.permutation(n) for _ in box], axis=1)
    shares = (slices + generator.random((n, len(box)))) / n
    return box[:, 0] + shares * (box[:, 1] - box[:, 0])


def narrowed(box: Box, best: Float[np.ndarray, " d"]) -> Box:
    """Return a box half as wide about the best point, moved inside the old one if it sticks out.

    >>> narrowed(np.array([[0.0, 1.0]]), np.array([0.9])).tolist()
    [[0.5, 1.0]]
    """
    width = SHRINK * (box[:, 1] - box[:, 0])
    low = np.clip(best - width / 2, box[:, 0], box[:, 1] - width)
    return np.stack([low, low + width], axis=1)


def most_promising(
    points: Points,
    values: Float[np.ndarray, " n"],
    n: int,
    generator: np.random.Generator,
) -> Float[np.ndarray, "m d"]:
    """Return n points of the cube where a Gaussian process expects to gain most over the best.

        EI(x) = (μ(x) − f*) Φ(z) + σ(x) φ(z),    z = (μ(x) − f*) / σ(x)

    The process has a Matérn kernel (ν = 5/2) with a length for each side, and noise; it is fitted
    by maximum likelihood. Of several points each is chosen as if the ones before had come out as
    expected; one in five is drawn at random.

    Args:
        points: Tried.
        values: What came of them, larger is better.
        n: How many to return.
        generator: Of the candidates.
    """
    from scipy.stats import norm
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    d = points.shape[1]
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern([0.3] * d, (0.02, 5.0), nu=2.5)
    process = GaussianProcessRegressor(
        kernel + WhiteKernel(1e-3, (1e-8, 0.1)),
        n_restarts_optimizer=2,
        normalize_y=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        # A length at the end of its range is an answer: that setting does not matter, or much.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points, values)
    believer = GaussianProcessRegressor(
        process.kernel_,
        optimizer=None,  # pyright: ignore[reportArgumentType]  # its documentation allows it
        normalize_y=True,
    )
    chosen = []
    for _ in range(n):
        best = points[np.argmax(values)]
        near = best + NEAR * generator.standard_normal((CANDIDATES // 2, d))
        candidates = np.concatenate([generator.random((CANDIDATES // 2, d)), np.clip(near, 0, 1)])
        mean, deviation = believer.fit(points, values).predict(candidates, return_std=True)
        deviation = np.maximum(deviation, 1e-12)
        gain = mean - values.max()
        z = gain / deviation
        expected = gain * norm.cdf(z) + deviation * norm.pdf(z)
        place = 0 if generator.random() < EXPLORE else int(np.argmax(expected))
        chosen.append(candidates[place])
        points = np.concatenate([points, candidates[place : place + 1]])
        values = np.append(values, mean[place])
    return np.stack(chosen)
