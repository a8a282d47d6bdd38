"""What the maps of the picture are compared with, found once before the descent."""

from collections.abc import Mapping
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from gradlab.errors import DataError, RecipeError
from gradlab.style.bands import Bands, band_of, owned, sums_of_bands
from gradlab.style.loss import Task
from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import Piece, Plan, Weights, gram_shares
from gradlab.style.regions import shares_of
from gradlab.style.scales import Scales

LayerWeights = Literal["balanced", "equal"] | Mapping[str, float]
Shapes = dict[str, tuple[int, ...]]


def map_shapes(network: FeatureNetwork, shape: tuple[int, ...], plan: Plan) -> Shapes:
    """Return (height, width, channels) of the maps of a picture, by layer.

    Raises:
        DataError: If the picture is too small for the network, or a layer has no maps.
    """
    size = f"{shape[0]} x {shape[1]} pixels"
    image = jax.ShapeDtypeStruct((*shape[:2], 3), jnp.float32)
    try:
        found = jax.eval_shape(lambda image: network.maps(image, plan.layers), image)
    except (RecipeError, ValueError, TypeError, ZeroDivisionError) as error:
        raise DataError(
            f"The {network.title} can't look at a picture of {size} up to layer {plan.layers[-1]} "
            f"({error}). Give larger pictures, or earlier layers."
        ) from error
    for name, maps in found.items():
        if maps.ndim != 3 or 0 in maps.shape:
            raise DataError(
                f"Layer {name} of the {network.title} gives shape {maps.shape} for a picture of "
                f"{size}; expected maps (height, width, channels). Take convolutional layers, or "
                "larger pictures."
            )
    return {name: tuple(maps.shape) for name, maps in found.items()}


def style_grams(
    style: Float[np.ndarray, "height width 3"],
    network: FeatureNetwork,
    plan: Plan,
    bands: Bands | None = None,
) -> dict[str, Float[Array, "_ _"]]:
    """Return A / (N M_a) of a style picture, by layer.

    Args:
        style: The picture.
        network: That looks at it.
        plan: Which layers.
        bands: How the picture is cut; None to take it whole.
    """
    plan = Plan((), plan.style_layers)
    image, shapes = jnp.asarray(style), map_shapes(network, style.shape, plan)
    if bands is None:
        return _grams(image, network, plan)
    pieces = _pieces(image, network, plan, bands, shapes, None)
    return _grams_of_bands(image, network, pieces, plan, bands)


def task_for(
    content: Float[np.ndarray, "height width 3"],
    grams: dict[str, Float[Array, "_ _ _"]],
    network: FeatureNetwork,
    plan: Plan,
    *,
    weights: tuple[float, float, float],
    scales: Scales,
    layer_weights: LayerWeights = "balanced",
    regions: Float[np.ndarray, "height width regions"] | None = None,
    bands: Bands | None = None,
) -> Task:
    """Return the task of making one picture at one size.

    Args:
        content: The content picture at that size.
        grams: What `style_grams` found by layer, stacked over regions.
        network: That looks at it.
        plan: Which layers.
        weights: α, β and γ.
        scales: What the losses are measured by, if layers are balanced.
        layer_weights: See `transfer_style`.
        regions: How much each pixel belongs to each region; None for one, the whole picture.
        bands: How the picture is cut; None to take it whole.
    """
    image, shapes = jnp.asarray(content), map_shapes(network, content.shape, plan)
    if bands is None:
        maps = _content_maps(image, network, plan)
        shares = None if regions is None else _shares(regions, shapes, plan)
        piece = Piece(jnp.zeros((), jnp.int32), maps, None, shares)
    else:
        piece = _pieces(image, network, plan, bands, shapes, regions)
    places = {name: float(np.prod(shapes[name][:2])) for name in plan.content_layers}
    alpha, beta, gamma = (jnp.asarray(weight, image.dtype) for weight in weights)
    found = Weights(
        alpha,
        beta,
        gamma,
        _of_layers({n: scales.content.get(n, 1.0) * places[n] for n in places}, layer_weights),
        _of_layers({n: scales.style.get(n, 1.0) for n in plan.style_layers}, layer_weights),
    )
    return Task(network, piece, grams, found, plan, bands)


def _of_layers(scales: dict[str, float], wanted: LayerWeights) -> Float[Array, " layers"]:
    """Return one weight a layer, given what its loss would be without detail."""
    if isinstance(wanted, Mapping):
        weights = [float(wanted.get(name, 0.0)) for name in scales]
    elif wanted == "equal":
        weights = [1.0] * len(scales)
    else:
        weights = [1 / scale / len(scales) if scale > 0 else 0.0 for scale in scales.values()]
    return jnp.asarray(weights, jnp.result_type(float)).reshape(-1)


def _shares(regions: np.ndarray, shapes: Shapes, plan: Plan) -> dict[str, Array]:
    return {
        n: jnp.asarray(shares_of(regions, (shapes[n][0], shapes[n][1]))) for n in plan.style_layers
    }


def _pieces(
    image: Array,
    network: FeatureNetwork,
    plan: Plan,
    bands: Bands,
    shapes: Shapes,
    regions: np.ndarray | None,
) -> Piece:
    """Return what is known beforehand of every band, stacked."""
    of_band = map_shapes(network, (bands.rows, image.shape[1]), plan)
    strides = {name: found.stride for name in plan.layers if (found := network.reach(name))}
    rows = {
        name: owned(bands, strides[name], shapes[name][0], of_band[name][0]) for name in plan.layers
    }
    if regions is None:
        whole = {n: np.full((1, *shapes[n][:2]), 1 / np.prod(shapes[n][:2])) for n in plan.layers}
    else:
        whole = {n: shares_of(regions, (shapes[n][0], shapes[n][1])) for n in plan.style_layers}
    shares: dict[str, Any] = {}
    for name in plan.style_layers:
        cuts = []
        for start, mine in zip(bands.starts, rows[name], strict=True):
            first = start // strides[name]
            part = whole[name][:, first : first + len(mine)]
            cuts.append(part * mine[None, : part.shape[1], None])
        shares[name] = jnp.asarray(np.stack(cuts), image.dtype)
    counted = {name: jnp.asarray(rows[name], image.dtype) for name in plan.content_layers}
    starts = jnp.asarray(bands.starts, jnp.int32)
    content = _content_of_bands(image, network, starts, counted, plan, bands)
    return Piece(starts, content, counted, shares)


@eqx.filter_jit
def _content_maps(image: Array, network: FeatureNetwork, plan: Plan) -> dict[str, Array]:
    return network.maps(image, plan.content_layers) if plan.content_layers else {}


@eqx.filter_jit
def _grams(image: Array, network: FeatureNetwork, plan: Plan) -> dict[str, Array]:
    maps = network.maps(image, plan.style_layers)
    return {name: gram_shares(maps[name], None)[0] for name in plan.style_layers}


@eqx.filter_jit
def _grams_of_bands(
    image: Array, network: FeatureNetwork, pieces: Piece, plan: Plan, bands: Bands
) -> dict[str, Array]:
    grams = sums_of_bands(image, network, pieces, plan, bands).grams
    return {name: gram[0] for name, gram in grams.items()}


@eqx.filter_jit
def _content_of_bands(
    image: Array,
    network: FeatureNetwork,
    starts: Array,
    counted: dict[str, Array],
    plan: Plan,
    bands: Bands,
) -> dict[str, Array]:
    if not plan.content_layers:
        return {}

    def of_band(pair: tuple[Array, dict[str, Array]]) -> dict[str, Array]:
        start, mine = pair
        band = band_of(image, Piece(start, {}, None, None), bands)
        maps = network.maps(band, plan.content_layers)
        return {name: maps[name] * mine[name][:, None, None] for name in plan.content_layers}

    return lax.map(of_band, (starts, counted))
