"""Other training and validation rows for each seed."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from gradlab.data import Dataset, Split, split_rows

Rows = Int[np.ndarray, "_"]
"""Parts need not be of one length."""


def resampled(dataset: Dataset, split: Split, *, seeds: Sequence[int]) -> list[tuple[Rows, Rows]]:
    """Return a training and a validation part for each seed, drawn from the rows outside the test.

    The shares, strata and groups are those of the study's split; the test part is its own.
    """
    fixed = dataclasses.replace(dataset, test_rows=split.test)
    ratios = (float(len(split.train)), float(len(split.validation)), 0.0)
    drawn = [split_rows(fixed, ratios=ratios, seed=seed) for seed in seeds]
    return [(part.train, part.validation) for part in drawn]
