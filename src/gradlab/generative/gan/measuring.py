"""Looks at what a generator makes while it trains, always from the same noise."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.generative.gan.noise import draw_noise
from gradlab.generative.gan.pairs import Pair, unpicture
from gradlab.generative.gan.training import Networks
from gradlab.generative.measures.coverage import mode_coverage
from gradlab.generative.measures.diversity import diversity
from gradlab.generative.measures.features import FeatureNetwork
from gradlab.generative.measures.frechet import frechet_distance
from gradlab.generative.neighbours import nearest_neighbours
from gradlab.training.predict import forward

MEASURED = 500
"""Generated rows, and rows of the data, that measures are taken on."""

SHOWN = 64
"""Of a grid."""

NOISE_SEED = 2**31 + 7
"""Of the fixed noise, so that no `sample(seed=…)` of a small seed shows the same rows."""

LINE, SIDE = 201, 40
"""Places along a line, and along each side of a square, where the discriminator is asked."""

MODES = 10
"""Clusters that are looked for in the data, where nobody says what its modes are."""

LEAST_SHARE = 0.1
"""A mode counts as reached by this share of the samples that it has in the data."""

MEASURES = ("diversity", "frechet", "coverage", "copies")


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """What a generator made of the fixed noise.

    Attributes:
        epoch: After which.
        samples: Rows in the units of the data; pictures in [0, 1].
        places: Of rows of one or two numbers: where the discriminator was asked, a grid over the
            data; None of others.
        discriminator: D there.
    """

    epoch: float
    samples: Float[np.ndarray, "shown *shape"]
    places: Float[np.ndarray, "places numbers"] | None = None
    discriminator: Float[np.ndarray, " places"] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Yardstick:
    """What generated rows are measured against; shared by all runs of a study.

    Attributes:
        pair: The networks, for the noise's size and the range of rows.
        rows: Rows of the data, as they go into the training.
        features: Of these rows: the network's for pictures, the rows themselves for vectors.
        network: What makes them of pictures.
        centres: Modes of the data: clusters, or means of its classes.
        shares: Of the rows at each.
        places: A grid over rows of one or two numbers; None of others.
    """

    pair: Pair
    rows: Float[np.ndarray, "rows *shape"]
    features: Float[np.ndarray, "rows features"]
    network: FeatureNetwork | None
    centres: Float[np.ndarray, "modes numbers"]
    shares: Float[np.ndarray, " modes"]
    places: Float[np.ndarray, "places numbers"] | None = None

    @classmethod
    def of(
        cls,
        pair: Pair,
        x: Any,
        *,
        network: FeatureNetwork | None = None,
        centres: Any = None,
        seed: int = 0,
    ) -> "Yardstick":
        """Return the measures for a data set.

        Args:
            pair: The networks.
            x: All rows, as they go into the training.
            network: Features of pictures; None takes the pixels' own principal directions.
            centres: Known modes, as rows of x are; None looks for 10 clusters.
            seed: Of the choice of rows and the clusters.
        """
        from gradlab.cluster.kmeans import KMeans

        random = np.random.default_rng(seed)
        chosen = np.sort(random.permutation(len(x))[: 4 * MEASURED])
        rows = _as_floats(x[chosen])
        flat = rows.reshape(len(rows), -1)
        if centres is None:
            n_modes = min(MODES, len(np.unique(flat, axis=0)))
            found = KMeans(n_modes, n_init=4, random_state=seed).fit(flat)
            centres = found.cluster_centers_
        centres = np.asarray(centres, np.float64).reshape(len(centres), -1)
        counts = mode_coverage(flat, centres).counts
        features = flat if network is None else network.features(rows)
        shares = counts / counts.sum()
        return cls(pair, rows, features, network, centres, shares, _places(flat))

    def measure(self, networks: Networks, prior: str) -> dict[str, float]:
        """Return diversity, Fréchet distance, share of modes reached and share of copies."""
        z = draw_noise(MEASURED, self.pair.noise_size, prior=prior, seed=NOISE_SEED)
        made = generate(networks, self.pair, z)
        if not np.isfinite(made).all():
            return dict.fromkeys(MEASURES, float("nan"))
        features = made.reshape(len(made), -1)
        if self.network is not None:
            features = self.network.features(made)
        return {
            "diversity": diversity(made, self.rows),
            "frechet": frechet_distance(features, self.features),
            "coverage": self.coverage(made),
            "copies": float(nearest_neighbours(made[:100], self.rows).is_copy.mean()),
        }

    def data_frechet(self) -> float | None:
        """Return the Fréchet distance of 500 rows from the others; None of fewer than 1,000."""
        if len(self.features) < 2 * MEASURED:
            return None
        one = np.arange(len(self.features)) % (len(self.features) // MEASURED) == 0
        own = self.features[one][:MEASURED]
        return frechet_distance(own, self.features[~one])

    def coverage(self, made: Float[np.ndarray, "n *shape"]) -> float:
        """Return the share of the data's modes that samples reach often enough."""
        counts = mode_coverage(made.reshape(len(made), -1), self.centres).counts
        reached = counts / len(made) >= LEAST_SHARE * self.shares
        return float((reached & (counts > 0)).mean())

    def snapshot(self, networks: Networks, prior: str, epoch: float) -> Snapshot:
        """Return what the fixed noise has become, and what the discriminator says."""
        shown = SHOWN if self.places is None else 4 * MEASURED
        z = draw_noise(shown, self.pair.noise_size, prior=prior, seed=NOISE_SEED)
        made = generate(networks, self.pair, z)
        if self.places is None:
            return Snapshot(epoch, made)
        return Snapshot(
            epoch, made, self.places, certainty(judge(networks, self.pair, self.places))
        )


def generate(
    networks: Networks, pair: Pair, z: Float[np.ndarray, "n noise"]
) -> Float[np.ndarray, "n *shape"]:
    """Return what a generator makes of noise, by its running averages: no row knows the others."""
    made = _through(networks.generator, networks.generator_layers, pair, z)
    return unpicture(pair, np.asarray(made, np.float32))


def judge(
    networks: Networks, pair: Pair, rows: Float[np.ndarray, "n *shape"]
) -> Float[np.ndarray, " n"]:
    """Return the discriminator's logit of each row."""
    x = np.asarray(2 * rows - 1 if pair.pictures else rows, np.float32)
    return _through(networks.discriminator, networks.discriminator_layers, pair, x)[:, 0]


def _through(network: Any, layers: Any, pair: Pair, x: np.ndarray) -> np.ndarray:
    """Return a network's answers, in calls of always as many rows, so that each has its bits."""
    chunk = 64 if pair.pictures else 512
    filled = np.concatenate([x, np.zeros((-len(x) % chunk, *x.shape[1:]), x.dtype)])
    return np.asarray(forward(network, layers, filled, chunk=chunk))[: len(x)]


def certainty(logits: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return D = σ(a) of logits a; by tanh, which never overflows."""
    return (0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)


def _places(flat: Float[np.ndarray, "rows numbers"]) -> Float[np.ndarray, "places numbers"] | None:
    """Return a grid over rows of one or two numbers, with a margin of a quarter of their range."""
    if flat.shape[1] > 2:
        return None
    low, high = flat.min(axis=0), flat.max(axis=0)
    margin = 0.25 * np.maximum(high - low, 1e-6)
    n = LINE if flat.shape[1] == 1 else SIDE
    axes = [np.linspace(a, b, n) for a, b in zip(low - margin, high + margin, strict=True)]
    grid = np.meshgrid(*axes)
    return np.stack([axis.reshape(-1) for axis in grid], axis=1).astype(np.float32)


def _as_floats(x: np.ndarray) -> Float[np.ndarray, "rows *shape"]:
    return x.astype(np.float32) / np.float32(255 if x.dtype == np.uint8 else 1)
