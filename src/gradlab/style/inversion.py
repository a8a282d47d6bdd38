"""Feature inversion: the picture that a layer's maps still tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import UInt8

from gradlab.errors import RecipeError
from gradlab.style.descent import CALL, advance, measure, start, usual_rate
from gradlab.style.feature_networks import feature_network
from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import Plan
from gradlab.style.pictures import as_picture, eight_bits, fitted, resized
from gradlab.style.scales import scales_of
from gradlab.style.settings import checked
from gradlab.style.targets import task_for


@dataclass(frozen=True, eq=False)
class InvertedFeatures:
    """Pictures made from the maps of one layer each.

    Attributes:
        original: The picture whose maps were taken, in 8 bits.
        images: By layer, in the network's order.
        feature_losses: By layer: how far the maps still are, 1 for a picture
            with their means alone.
        first_losses: The same for the noise at the start.
        pixel_errors: By layer: root of the mean squared error of the pixels, 0 to 1.
        history: One row a layer and step: the total.
    """

    original: UInt8[np.ndarray, "height width 3"]
    images: dict[str, UInt8[np.ndarray, "height width 3"]]
    feature_losses: dict[str, float]
    first_losses: dict[str, float]
    pixel_errors: dict[str, float]
    history: pl.DataFrame

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        names = list(self.images)
        errors = [self.pixel_errors[name] for name in names]
        if len(names) == 1:
            return (f"From {names[0]} the pixels come back with an error of {errors[0]:.3f}.",)
        rises = all(a <= b for a, b in pairwise(errors))
        how = "rises from layer to layer" if rises else "does not rise at every layer"
        return (
            (
                f"The error of the pixels {how}: {errors[0]:.3f} from {names[0]}, {errors[-1]:.3f} "
                f"from {names[-1]} (1 is from black to white). What is lost is what the network no "
                "longer tells apart."
            ),
        )


def invert_features(
    picture: Any,
    *,
    network: Any = None,
    convention: str | None = None,
    layers: Sequence[str] | None = None,
    total_variation: float = 10.0,
    beta: float = 2.0,
    steps: int = 200,
    optimizer: str = "lbfgs",
    learning_rate: float | None = None,
    size: int = 192,
    start_from: str = "noise",
    random_state: int = 0,
) -> InvertedFeatures:
    """Return pictures that have the maps of a picture, one for each layer.

        x* = argmin_x  ‖Φ(x) − Φ0‖² / ‖Φ0 − Φ̄0‖² + λ R(x)

    with Φ the maps of one layer, Φ0 those of the picture, Φ̄0 their means and R the
    total variation per number of the picture. Each begins with noise: what a picture shows
    afterwards, the layer's maps told.

    Args:
        picture: A path, an array or a Pillow image.
        network: See `feature_network`; None for the built-in one.
        convention: How pixels enter a network from a file or of your own.
        layers: From shallow to deep; None for the network's style layers.
        total_variation: λ.
        beta: β of the total variation.
        steps: Of the optimiser, for each layer.
        optimizer: "lbfgs", or a name in OPTIMIZERS.
        learning_rate: Of the others; None for a usual one.
        size: Longer side of the pictures in pixels.
        start_from: "noise" (uniform), or "grey" with a little noise.
        random_state: Seed of the noise, the same for all layers.

    Raises:
        DataError: If the picture can't be read, or is too small for the network.
        RecipeError: If a setting makes no sense.

    Source: Mahendran & Vedaldi 2015, eqs. 1 and 3, https://arxiv.org/abs/1412.0035

    >>> image = np.random.default_rng(1).uniform(size=(32, 32, 3)).astype(np.float32)
    >>> found = invert_features(image, layers=["relu1"], size=32, steps=5)
    >>> found.feature_losses["relu1"] < found.first_losses["relu1"]
    True
    """
    checked(
        total_variation=total_variation,
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        size=size,
        beta=beta,
        choices={"start_from": (start_from, ("noise", "grey"))},
    )
    found = feature_network(network, convention=convention)
    names = found.known(found.style_layers if layers is None else layers)
    if not names:
        raise RecipeError("layers names none of the network's layers; give one at least.")
    pixels = as_picture(picture, "the picture").pixels
    pixels = resized(pixels, fitted(pixels.shape, size))
    noise = np.random.default_rng(random_state).uniform(size=pixels.shape).astype(np.float32)
    first = noise if start_from == "noise" else 0.5 + 0.1 * (noise - 0.5)
    rate = usual_rate(optimizer) if learning_rate is None else learning_rate
    images, losses, at_first, errors, rows = {}, {}, {}, {}, []
    for name in names:
        made, before, after, totals = _inverted(
            pixels, first, found, name, (total_variation, beta), steps, optimizer, rate
        )
        images[name], at_first[name], losses[name] = eight_bits(made), before, after
        errors[name] = float(np.sqrt(np.mean((made - pixels) ** 2)))
        rows += [(name, i + 1, total) for i, total in enumerate(totals)]
    schema = {"layer": pl.String, "step": pl.Int64, "total": pl.Float64}
    return InvertedFeatures(
        original=eight_bits(pixels),
        images=images,
        feature_losses=losses,
        first_losses=at_first,
        pixel_errors=errors,
        history=pl.DataFrame(rows, schema=schema, orient="row"),
    )


def _inverted(
    pixels: np.ndarray,
    first: np.ndarray,
    network: FeatureNetwork,
    layer: str,
    variation: tuple[float, float],
    steps: int,
    optimizer: str,
    rate: float,
) -> tuple[np.ndarray, float, float, list[float]]:
    """Return the picture of one layer, its feature loss before and after, and all totals."""
    weight, beta = variation
    plan = Plan((layer,), (), float(beta))
    network = network.up_to(plan.layers)
    scales = scales_of(pixels, (), (), network, plan)
    task = task_for(pixels, {}, network, plan, weights=(1.0, 0.0, weight), scales=scales)
    descent = start(jnp.asarray(first), task, optimizer=optimizer)
    before = measure(descent.image, task)[0]
    totals: list[float] = []
    while len(totals) < steps:
        n = min(CALL, steps - len(totals))
        descent, found = advance(
            descent, task, jnp.asarray(n, jnp.int32), jnp.asarray(rate, jnp.float32),
            optimizer=optimizer,
        )  # fmt: skip
        totals += np.asarray(found)[:n].tolist()
    after, total = measure(descent.image, task)
    last = descent.image
    if not np.isfinite(float(total)):
        last, after = descent.kept, measure(descent.kept, task)[0]
    weighed = task.weights.of_content[0]
    made = np.clip(np.asarray(last), 0, 1)
    return made, float(before.content[0] * weighed), float(after.content[0] * weighed), totals
