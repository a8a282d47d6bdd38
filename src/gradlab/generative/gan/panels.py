"""How a GAN learns a distribution of one or two numbers, in four frames."""

from typing import Any

import numpy as np

from gradlab.errors import DataError
from gradlab.generative.gan.base import Adversarial
from gradlab.plots.distributions import DistributionSnapshot


def distribution_snapshots(gan: Adversarial, X: Any, *, n: int = 4) -> list[DistributionSnapshot]:
    """Return n frames of a training for `four_panels`: data, generated rows, discriminator.

    The first is the generator before the training, the last the end; those between lie on a
    logarithmic scale, for the most happens early.

    Args:
        gan: Fitted to rows of one or two numbers, with `measure_every`.
        X: The rows of the fit.
        n: Frames, at least 2.

    Raises:
        DataError: If rows have more than two numbers, or fewer frames were kept.

    Source: Goodfellow et al. 2014, figure 1, https://arxiv.org/abs/1406.2661
    """
    kept = [
        (one, one.places, one.discriminator)
        for one in gan.snapshots_
        if one.places is not None and one.discriminator is not None
    ]
    if len(kept) < n:
        why = "rows have more than two numbers" if gan.snapshots_ and not kept else (
            f"{len(kept)} were kept; fit with a smaller measure_every"
        )  # fmt: skip
        raise DataError(f"The course of a distribution needs {n} frames: {why}.")
    chosen = _spread(len(kept), n)
    data = np.asarray(X, np.float32).reshape(len(X), -1)
    return [
        DistributionSnapshot(
            title="before training" if one.epoch == 0 else f"epoch {one.epoch:g}",
            data=data,
            generated=one.samples,
            places=_places(places),
            discriminator=discriminator,
        )
        for one, places, discriminator in (kept[i] for i in chosen)
    ]


def _places(places: Any) -> np.ndarray:
    return places[:, 0] if places.shape[1] == 1 else places


def _spread(n_kept: int, n: int) -> list[int]:
    """Return positions from the first to the last, those between by equal ratios."""
    wanted = np.concatenate([[0], np.geomspace(1, n_kept - 1, n - 1)]).round().astype(int)
    for i in range(1, n):  # no frame twice
        wanted[i] = max(wanted[i], wanted[i - 1] + 1)
    return [int(min(i, n_kept - n + place)) for place, i in enumerate(wanted)]
