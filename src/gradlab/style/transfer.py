"""Style transfer: a picture that shows what one shows, painted as others are."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import UInt8

from gradlab.style.colours import (
    lightness,
    recoloured,
    with_colours_of,
    with_lightness_of,
)
from gradlab.style.feature_networks import feature_network
from gradlab.style.job import Job, Stand
from gradlab.style.objective import Plan
from gradlab.style.pictures import Picture, as_picture, eight_bits
from gradlab.style.pyramid import climb
from gradlab.style.regions import as_regions
from gradlab.style.result import StyledPicture
from gradlab.style.settings import checked, shares_of_styles
from gradlab.style.sizes import levels_for
from gradlab.style.variation import Border

USUAL_LONGEST = 1024
"""Longer side that a result has at most, unless a size is asked for."""


def transfer_style(
    content: Any,
    style: Any,
    *,
    network: Any = None,
    convention: str | None = None,
    content_weight: float = 1e-3,
    style_weight: float = 1.0,
    total_variation: float = 2.0,
    steps: int = 150,
    optimizer: str = "lbfgs",
    learning_rate: float | None = None,
    start: str = "content",
    size: int | None = None,
    levels: int | None = None,
    style_scale: float = 1.0,
    style_shares: Sequence[float] | None = None,
    colours: str = "style",
    mask: Any = None,
    content_layers: Sequence[str] | None = None,
    style_layers: Sequence[str] | None = None,
    layer_weights: str | Mapping[str, float] = "balanced",
    beta: float = 2.0,
    border: str = "edge",
    random_state: int = 0,
    progress: Callable[[Stand], None] | None = None,
    resume: str | Path | None = None,
) -> StyledPicture:
    """Return a picture with the content of one picture and the style of others.

        x* = argmin_x  α Σ_l v_l L_content(x, l) + β Σ_l w_l E_l(x) + γ R(x)

    The picture is what is optimised; the network stays as it is. L_content compares the maps of
    content layers place by place, E_l the Gram matrices of style layers, R is the total variation
    per number of the picture.

    With layer_weights="balanced", v_l and w_l make every layer's loss 1 for a picture that has the
    means of the maps but no detail (see `scales`), divided by the number of layers, and content
    counts `CONTENT_UNIT` times that. So α/β means about the same for every network, layer and
    size: 1e-3 is usual, 1e-2 suits pairs of photographs.
    "equal" takes the losses as the documents write them, with v_l = w_l = 1; α/β then depends on
    network and size. A dictionary gives the weights by layer.

    Args:
        content: What to show: a path, an array (8-bit, or floats from 0 to 1), a Pillow image.
        style: How to paint it: the same, or a list of several, which are blended or, with a mask
            of regions, used side by side.
        network: See `feature_network`; None for the built-in one.
        convention: How pixels enter a network from a file or of your own.
        content_weight: α, 0 or more.
        style_weight: β, 0 or more.
        total_variation: γ, 0 or more.
        steps: At the coarsest size; each finer one has half of those before, 20 at least.
        optimizer: "lbfgs", or a name in OPTIMIZERS such as "adam" and "sgd".
        learning_rate: Of the others, in shares of a pixel's range; None for a usual one.
        start: "content", or "noise": uniform from 0 to 1.
        size: Longer side of the result in pixels; None for the content's, 1024 at most.
        levels: Sizes from coarse to fine; None for as many as leave the coarsest 192 pixels.
        style_scale: Size of the style picture against the result's: larger, broader strokes.
        style_shares: How much each of several styles counts; None for all alike.
        colours: "style"; "luminance" keeps the content's colours and transfers lightness alone;
            "histogram" gives the style the content's colours before it is transferred.
        mask: Where the style goes (white) and where the content stays (black); with several
            styles a picture with as many grey levels, the darkest for the first style.
        content_layers: Names of layers; None for the network's usual ones.
        style_layers: The same.
        layer_weights: See above.
        beta: Exponent of the total variation.
        border: Of the total variation, see there; "interior" leaves the last row and column rough.
        random_state: Seed of the noise.
        progress: Called after every few steps with a `Stand`.
        resume: A file in which the state is kept on the way; a call with the same arguments goes
            on from it, to the same bits. It is deleted at the end.

    Raises:
        DataError: If a picture can't be read or is too small, or a file of weights does not fit.
        RecipeError: If a setting makes no sense.
        StudyError: If `resume` is of another run or can't be written.

    Source: Gatys et al. 2016, https://doi.org/10.1109/CVPR.2016.265

    >>> rng = np.random.default_rng(0)
    >>> photo, paint = rng.uniform(size=(2, 32, 32, 3)).astype(np.float32)
    >>> result = transfer_style(photo, paint, steps=2, optimizer="adam")
    >>> result.image.shape, result.history.height
    ((32, 32, 3), 2)
    """
    started = time.perf_counter()
    checked(
        content_weight=content_weight,
        style_weight=style_weight,
        total_variation=total_variation,
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        size=size,
        levels=levels,
        style_scale=style_scale,
        beta=beta,
        layer_weights=layer_weights,
        choices={
            "start": (start, ("content", "noise")),
            "colours": (colours, ("style", "luminance", "histogram")),
            "border": (border, ("interior", "edge")),
        },
    )
    found = feature_network(network, convention=convention)
    plan = Plan(
        found.known(found.content_layers if content_layers is None else content_layers),
        found.known(found.style_layers if style_layers is None else style_layers),
        float(beta),
        cast(Border, border),
    )
    photo = as_picture(content, "the content picture")
    several = list(style) if isinstance(style, (list, tuple)) else [style]
    styles = [as_picture(one, "the style picture") for one in several]
    regions = None if mask is None else as_regions(mask, len(styles))
    of_styles = shares_of_styles(style_shares, len(styles))
    shape = photo.pixels.shape
    longest = min(max(shape[:2]), USUAL_LONGEST) if size is None else size
    notes = [note for picture in (photo, *styles) for note in picture.notes]
    if size is None and max(shape[:2]) > longest:
        notes.append(
            f"The content picture has {shape[1]} x {shape[0]} pixels; the result is made with "
            f"{longest} along its longer side. size asks for more."
        )
    settings = {
        "content": photo.name,
        "styles": [picture.name for picture in styles],
        "network": found.title,
        "content_layers": list(plan.content_layers),
        "style_layers": list(plan.style_layers),
        "content_weight": content_weight,
        "style_weight": style_weight,
        "total_variation": total_variation,
        "layer_weights": layer_weights if isinstance(layer_weights, str) else dict(layer_weights),
        "beta": beta,
        "border": border,
        "steps": steps,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "start": start,
        "size": longest,
        "levels": levels,
        "style_scale": style_scale,
        "style_shares": list(of_styles),
        "colours": colours,
        "mask": mask is not None,
        "random_state": random_state,
    }
    pixels, painted = _coloured(photo, styles, colours)
    job = Job(
        content=pixels,
        styles=painted,
        shares=of_styles,
        regions=regions,
        network=found.up_to(plan.layers),
        plan=plan,
        levels=tuple(levels_for(shape, longest, steps, levels)),
        settings=settings,
        finish=_finishing(photo.pixels, regions if len(styles) == 1 else None, colours),
    )
    climbed = climb(job, progress=progress, resume=resume)
    return StyledPicture(
        image=climbed.image,
        history=climbed.history,
        content_losses=climbed.content_losses,
        style_losses=climbed.style_losses,
        content_loss=climbed.content_loss,
        style_loss=climbed.style_loss,
        previews=climbed.previews,
        settings=settings,
        notes=(*notes, *climbed.notes),
        seconds=time.perf_counter() - started,
    )


def _coloured(
    photo: Picture, styles: list[Picture], colours: str
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return content and styles as the network is to see them."""
    content = photo.pixels
    if colours == "luminance":
        painted = (with_lightness_of(picture.pixels, content) for picture in styles)
        return lightness(content), tuple(painted)
    if colours == "histogram":
        return content, tuple(recoloured(picture.pixels, content) for picture in styles)
    return content, tuple(picture.pixels for picture in styles)


def _finishing(
    content: np.ndarray, stays: np.ndarray | None, colours: str
) -> Callable[[np.ndarray], UInt8[np.ndarray, "height width 3"]]:
    """Return what is done to a picture before it is shown: colours given back, content kept."""
    from gradlab.style.pictures import resized

    def finish(pixels: np.ndarray) -> np.ndarray:
        size = pixels.shape[:2]
        pixels = np.clip(pixels, 0, 1)
        photo = resized(content, size)
        if colours == "luminance":
            pixels = with_colours_of(pixels, photo)
        if stays is not None:
            share = resized(stays, size)
            pixels = share * pixels + (1 - share) * photo
        return eight_bits(pixels)

    return finish
