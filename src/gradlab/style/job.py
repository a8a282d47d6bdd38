"""What a transfer is given, what it tells on the way, and what it ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import UInt8

from gradlab.style.bands import LARGE
from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import Plan
from gradlab.style.sizes import Level


@dataclass(frozen=True, eq=False)
class Job:
    """All that a transfer needs, read and checked.

    Attributes:
        content: The content picture as the network is to see it, at its own size.
        styles: The style pictures, the same.
        shares: How much each counts.
        regions: How much each pixel belongs to each style; None for everywhere.
        network: That looks at the pictures.
        plan: Which layers.
        levels: Sizes and steps.
        settings: As given; they decide whether a kept state is of the same run.
        finish: What makes pixels a picture to be shown.
        large: Pixels above which a picture is taken in bands.
    """

    content: np.ndarray
    styles: tuple[np.ndarray, ...]
    shares: tuple[float, ...]
    regions: np.ndarray | None
    network: FeatureNetwork
    plan: Plan
    levels: tuple[Level, ...]
    settings: dict[str, Any]
    finish: Callable[[np.ndarray], np.ndarray]
    large: int = LARGE


@dataclass(frozen=True, eq=False)
class Stand:
    """How far a transfer has come.

    Attributes:
        level: Which size, from 1.
        n_levels: How many there are.
        size: (height, width) of this one.
        step: Steps done at it.
        steps: Steps to do at it.
        share: Of the whole work, by pixels, from 0 to 1.
        total: α L_content + β L_style + γ R.
        content: L_content, weighted by its layers.
        style: L_style, the same.
        resumed: Whether this run goes on from a kept one.
        image: What the picture looks like: call it.
    """

    level: int
    n_levels: int
    size: tuple[int, int]
    step: int
    steps: int
    share: float
    total: float
    content: float
    style: float
    resumed: bool
    image: Callable[[], UInt8[np.ndarray, "height width 3"]]


@dataclass(eq=False)
class Climbed:
    """What a climb ends with; see `StyledPicture`."""

    image: np.ndarray
    history: pl.DataFrame
    content_losses: dict[str, float]
    style_losses: dict[str, float]
    content_loss: float
    style_loss: float
    previews: tuple[tuple[str, np.ndarray], ...]
    notes: tuple[str, ...]
