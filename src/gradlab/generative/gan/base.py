"""What `GAN` and `DCGAN` do alike: fit, sample, judge, save."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gradlab.errors import DataError, RecipeError
from gradlab.generative.checks import whole
from gradlab.generative.gan import saving
from gradlab.generative.gan.measuring import Snapshot, Yardstick, certainty, generate, judge
from gradlab.generative.gan.noise import draw_noise
from gradlab.generative.gan.pairs import Pair
from gradlab.generative.gan.population import Listener, Stopped, TrainedPair, train_population
from gradlab.generative.gan.rows import Range, read_rows
from gradlab.generative.gan.settings import AdversarialSettings, optimizer_parameters
from gradlab.generative.measures.features import FeatureNetwork
from gradlab.training.recipe import keyword_parameters

FEATURE_ROWS = 10_000
"""Pictures that the network of features is fitted to at most."""


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Adversarial(BaseEstimator):
    """Settings and behaviour of both GANs; not used by itself.

    Args:
        noise_size: Numbers of noise z that a row is made of.
        prior: Of the noise: "normal", N(0, I), or "uniform", in [−1, 1).
        loss: Of the generator: "non_saturating", −log D(G(z)), or "minimax", log(1 − D(G(z))).
        discriminator_steps: k, steps of the discriminator before each of the generator.
        label_smoothing: ε: real rows are taught as 1 − ε.
        instance_noise: Standard deviation of noise on all rows that are judged, falling linearly
            to 0 over the training.
        reuse_noise: Whether the generator learns from the rows that were just judged.
        average: β of a running mean of the generator's weights, Ḡ ← β Ḡ + (1 − β) G, which then
            makes the rows: the two networks circle around their balance, the mean stays near it.
            0.99 to 0.999 are usual (Yazıcı et al. 2019); 0 takes the last weights.
        optimizer: Of both networks, a name.
        learning_rate: Of the discriminator, and of the generator if it has no other.
        generator_learning_rate: Of the generator.
        parameters: Of the optimizer, e.g. {"optimizer.beta1": 0.9}. None takes β1 = 0.5 for those
            that have one, as Radford et al. 2016 found stable, and usual values else.
        batch_size: Rows of the data, and as many generated, a step.
        epochs: Passes over the data; None takes as many as make 5,000 steps, from 20 to 500: the
            discriminator soon knows few rows by heart, and the generator gets worse again.
        measure_every: Epochs between two measurements of what is generated; "auto" takes twenty
            in all, None takes none.
        frechet: Space of the Fréchet distance of pictures: "network", features of a small network
            that is trained on them first (some seconds), or "pixels". Vectors are taken as they
            are.
        random_state: Seed of weights, order and noise.

    Attributes:
        history_: Polars frame, a row an epoch: epoch, step, discriminator_loss, generator_loss,
            d_real (mean D(x)), d_fake (mean D(G(z))), norms of both gradients; and where measured
            diversity, frechet, coverage (share of the data's modes reached) and copies, else null.
        snapshots_: What fixed noise became, before the training and at every measurement; of rows
            of one or two numbers also D over the plane.
        status_: "done", "diverged" (a loss was not finite: the networks are the last ones that
            were) or "stopped" (Ctrl-C: as far as they had come).
        diverged_epoch_: In which it diverged, from 1; None if it did not.
        n_epochs_: Epochs trained.
        row_shape_: Of one row.

    All arithmetic is in float32.
    """

    noise_size: Any = 16
    prior: Any = "normal"
    loss: Any = "non_saturating"
    discriminator_steps: Any = 1
    label_smoothing: Any = 0.0
    instance_noise: Any = 0.0
    reuse_noise: Any = False
    average: Any = 0.0
    optimizer: Any = "adam"
    learning_rate: Any = 0.001
    generator_learning_rate: Any = None
    parameters: Any = None
    batch_size: Any = 64
    epochs: Any = None
    measure_every: Any = "auto"
    frechet: Any = "network"
    random_state: Any = 0

    def _pair(self, example_shape: tuple[int, ...], pictures: bool) -> Pair:
        raise NotImplementedError(f"{type(self).__name__} does not say its networks.")

    def settings(self, rows: np.ndarray) -> AdversarialSettings:
        """Return the settings of a training on rows as `read_rows` gives them.

        Raises:
            RecipeError: If one makes no sense.
            DataError: If the networks can't be built for these rows.
        """
        rate = self.learning_rate
        own = rate if self.generator_learning_rate is None else self.generator_learning_rate
        settings = AdversarialSettings(
            pair=self._pair(rows.shape[1:], rows.ndim == 4),
            n_rows=len(rows),
            prior=self.prior,
            loss=self.loss,
            discriminator_steps=self.discriminator_steps,
            label_smoothing=self.label_smoothing,
            instance_noise=self.instance_noise,
            reuse_noise=bool(self.reuse_noise),
            average=self.average,
            optimizer=self.optimizer,
            learning_rate=rate,
            generator_learning_rate=own,
            parameters=optimizer_parameters(self.parameters),
            batch_size=self.batch_size,
            passes=20 if self.epochs is None else self.epochs,
        )
        settings.check()
        if self.parameters is None and "beta1" in keyword_parameters(settings.kind.factory):
            settings = dataclasses.replace(settings, parameters=(("beta1", 0.5),))
        if self.epochs is None:
            steps = settings.steps * settings.laps
            settings = dataclasses.replace(settings, passes=min(500, max(20, -(-5000 // steps))))
        return settings

    def every(self, settings: AdversarialSettings) -> int | None:
        """Return the epochs between two measurements.

        Raises:
            RecipeError: If `measure_every` makes no sense.
        """
        if self.measure_every == "auto":
            return -(-settings.passes // 20)
        return None if self.measure_every is None else whole("measure_every", self.measure_every)

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        features: FeatureNetwork | None = None,
        listener: Listener | None = None,
    ) -> "Adversarial":
        """Train both networks on rows.

        Args:
            X: Vectors (n, d), or pictures (n, height, width, channels) from 0 to 1 or bytes.
            y: Class of each row, if known: for measures alone, no network learns it.
            features: Fitted network for the Fréchet distance; None trains one where it is needed.
            listener: Called with `Told` as the training goes on.

        Raises:
            DataError: If the rows can't be learnt from.
            RecipeError: If a setting makes no sense.
            KeyboardInterrupt: On Ctrl-C; the model is then fitted as far as it has come.
        """
        rows, units = read_rows(X)
        settings = self.settings(rows)
        every = self.every(settings)
        yardstick = make_yardstick(
            settings.pair, rows, y, how=self.frechet if every else "pixels", features=features
        )
        run = (settings, int(self.random_state or 0))
        stopped = None
        try:
            (pair,) = train_population(rows, [run], yardstick, every=every, listener=listener)
        except Stopped as stop:
            if not stop.pairs:
                raise
            (pair,), stopped = stop.pairs, stop
        self._keep(pair, units)
        if stopped is not None:
            raise stopped
        return self

    def _keep(self, pair: TrainedPair, units: Range) -> None:
        self.trained_ = pair
        self.units_ = units
        self.row_shape_ = pair.settings.pair.example_shape
        if not units.pictures:
            self.n_features_in_ = self.row_shape_[0]

    @property
    def history_(self) -> pl.DataFrame:
        """The course of the training, one row an epoch."""
        check_is_fitted(self, "trained_")
        return self.trained_.history

    @property
    def snapshots_(self) -> tuple[Snapshot, ...]:
        """What the fixed noise became, in the units of the data."""
        check_is_fitted(self, "trained_")
        units = self.units_
        return tuple(
            Snapshot(
                one.epoch,
                units.outwards(one.samples),
                None if one.places is None else units.outwards(one.places),
                one.discriminator,
            )
            for one in self.trained_.snapshots
        )

    @property
    def status_(self) -> str:
        """How the training ended."""
        check_is_fitted(self, "trained_")
        return self.trained_.status

    @property
    def diverged_epoch_(self) -> int | None:
        """Epoch in which it diverged."""
        check_is_fitted(self, "trained_")
        return self.trained_.diverged

    @property
    def n_epochs_(self) -> int:
        """Epochs trained."""
        check_is_fitted(self, "trained_")
        return self.trained_.epochs

    def noise(self, n: int, seed: int = 0) -> Float[np.ndarray, "n noise"]:
        """Return the noise that `sample` makes rows of."""
        check_is_fitted(self, "trained_")
        settings = self.trained_.settings
        n, seed = whole("n", n), whole("seed", seed, least=0)
        return draw_noise(n, settings.pair.noise_size, prior=settings.prior, seed=seed)

    def sample(self, n: int = 1, seed: int = 0) -> Float[np.ndarray, "n *shape"]:
        """Return n new rows; the same ones for the same seed, also after saving and loading.

        Args:
            n: How many; fewer of a seed are a part of more.
            seed: Of the noise.
        """
        return self.generate(self.noise(n, seed))

    def generate(self, z: Any) -> Float[np.ndarray, "n *shape"]:
        """Return G(z), rows in the units of the data; pictures from 0 to 1.

        Args:
            z: Noise, (n, noise_size).

        Raises:
            DataError: If it is of another shape or not finite.
        """
        check_is_fitted(self, "trained_")
        pair = self.trained_.settings.pair
        noise = np.asarray(z, np.float32)
        if noise.ndim != 2 or noise.shape[1] != pair.noise_size or not len(noise):
            raise DataError(
                f"z: expected noise of shape (n, {pair.noise_size}), as `noise` draws it; got "
                f"{noise.shape}."
            )
        if not np.isfinite(noise).all():
            raise DataError("z: expected finite numbers; got NaN or infinity.")
        return self.units_.outwards(generate(self.trained_.networks, pair, noise))

    def discriminate(self, X: Any) -> Float[np.ndarray, " n"]:
        """Return D(x), the probability that each row is real; 0.5 means that nothing gives it away.

        Raises:
            DataError: If rows are of another shape than those of the training.
        """
        check_is_fitted(self, "trained_")
        rows = np.asarray(X)
        if rows.ndim == len(self.row_shape_):  # grey pictures, or one column
            rows = rows[..., None]
        if rows.shape[1:] != tuple(self.row_shape_):
            raise DataError(
                f"X: expected rows of shape {tuple(self.row_shape_)}, as in the training; got "
                f"{rows.shape[1:]}."
            )
        if rows.dtype == np.uint8:
            rows = rows / np.float32(255)
        logits = judge(
            self.trained_.networks, self.trained_.settings.pair, self.units_.inwards(rows)
        )
        return certainty(logits)

    def save(self, path: str | Path, *, about: Mapping[str, Any] | None = None) -> Path:
        """Write settings, both networks, history and snapshots as one safetensors file.

        Args:
            path: Of the file.
            about: What else to keep, as JSON.

        Raises:
            StudyError: If the file can't be written.
        """
        check_is_fitted(self, "trained_")
        return saving.save(self, path, about)

    @classmethod
    def load(cls, path: str | Path) -> Any:
        """Read what `save` wrote.

        Raises:
            DataError: If the file is absent, damaged, or holds something else.
        """
        return saving.load(cls, path)


def make_yardstick(
    pair: Pair,
    rows: np.ndarray,
    y: Any = None,
    *,
    how: str = "network",
    features: FeatureNetwork | None = None,
) -> Yardstick:
    """Return what a training on rows is measured against.

    Args:
        pair: The networks.
        rows: As `read_rows` gives them.
        y: Class of each, if known.
        how: "network" or "pixels", see `Adversarial`.
        features: A fitted network; None trains one if `how` asks for it and rows are pictures.

    Raises:
        RecipeError: For another `how`.
        DataError: If there is not one class a row.
    """
    if how not in ("network", "pixels"):
        raise RecipeError(f"frechet is 'network' or 'pixels'; got {how!r}.")
    if y is not None and np.shape(y) != (len(rows),):
        raise DataError(f"y: expected a class for each of {len(rows)} rows; got {np.shape(y)}.")
    classes = None if y is None else np.unique(np.asarray(y), return_inverse=True)
    few = classes is not None and 2 <= len(classes[0]) <= 100
    if rows.ndim == 4 and how == "network" and features is None:
        features = _trained_features(rows, classes[1] if few and classes is not None else None)
    centres = None
    if few and classes is not None:
        scale = 255.0 if rows.dtype == np.uint8 else 1.0
        flat = rows.reshape(len(rows), -1)
        centres = np.stack(
            [flat[classes[1] == i].mean(axis=0) / scale for i in range(len(classes[0]))]
        )
    return Yardstick.of(pair, rows, network=features if rows.ndim == 4 else None, centres=centres)


def _trained_features(rows: np.ndarray, classes: np.ndarray | None) -> FeatureNetwork:
    """Return a network fitted to some of the pictures."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:FEATURE_ROWS])
    return FeatureNetwork.fit(rows[chosen], None if classes is None else classes[chosen])
