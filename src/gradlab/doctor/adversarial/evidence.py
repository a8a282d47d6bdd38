"""What the rules for GANs look at: the course of a training, and how it was set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from gradlab.generative.gan.population import TrainedPair

FEWEST = 8
"""Epochs below which a course says nothing but that it diverged."""


@dataclass(frozen=True, eq=False)
class Course:
    """The course of one GAN.

    Attributes:
        history: As `GAN.history_`, one row an epoch.
        diverged: Epoch (from 1) in which a loss was not finite; None if none was.
        learning_rate, generator_learning_rate: Of the two networks.
        loss: Of the generator.
        label_smoothing, instance_noise, discriminator_steps: As they were set.
        n_rows: Of the data.
    """

    history: pl.DataFrame
    diverged: int | None = None
    learning_rate: float = 0.001
    generator_learning_rate: float = 0.001
    loss: str = "non_saturating"
    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    discriminator_steps: int = 1
    n_rows: int | None = None

    @classmethod
    def of(cls, pair: TrainedPair) -> "Course":
        """Return the course of a trained pair."""
        settings = pair.settings
        return cls(
            pair.history,
            pair.diverged,
            float(settings.learning_rate),
            float(settings.generator_learning_rate),
            settings.loss,
            float(settings.label_smoothing),
            float(settings.instance_noise),
            settings.discriminator_steps,
            settings.n_rows,
        )

    @property
    def long_enough(self) -> bool:
        """Whether there are enough epochs to tell a course from its beginning."""
        return self.history.height >= FEWEST

    def column(self, name: str) -> Float[np.ndarray, " epochs"]:
        """Return a column, NaN where nothing was measured or the column is absent."""
        if name not in self.history.columns:
            return np.full(self.history.height, np.nan)
        return self.history[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()

    def late(self, name: str, share: float = 0.25) -> Float[np.ndarray, " late"]:
        """Return what was measured in the last part of the training, without gaps."""
        values: Any = self.column(name)[-max(1, round(share * self.history.height)) :]
        return values[np.isfinite(values)]
