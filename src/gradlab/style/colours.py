"""Colours of the content kept: only lightness is transferred, or the style is recoloured."""

from typing import Literal

import numpy as np
from jaxtyping import Float

Colours = Literal["style", "luminance", "histogram"]

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)
"""RGB to lightness and two numbers for colour."""

LEAST = 1e-5
"""Added to variances, so that a grey picture has a colour to start from."""


def lightness(
    pixels: Float[np.ndarray, "height width 3"],
) -> Float[np.ndarray, "height width 3"]:
    """Return a picture in grey, the first number of YIQ three times.

    >>> lightness(np.ones((1, 1, 3), np.float32)).round(3).tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    return np.clip(np.repeat((pixels @ YIQ[0])[..., None], 3, axis=-1), 0, 1)


def with_lightness_of(
    style: Float[np.ndarray, "_ _ 3"], content: Float[np.ndarray, "_ _ 3"]
) -> Float[np.ndarray, "_ _ 3"]:
    """Return a grey style with the mean and deviation of the content's lightness.

    Source: Gatys et al. 2016, Preserving color in neural artistic style transfer, section 3.2,
    https://arxiv.org/abs/1606.05897
    """
    mine, theirs = lightness(style), lightness(content)
    scale = theirs.std() / max(float(mine.std()), LEAST)
    return np.clip((mine - mine.mean()) * scale + theirs.mean(), 0, 1).astype(np.float32)


def with_colours_of(
    grey: Float[np.ndarray, "height width 3"], content: Float[np.ndarray, "height width 3"]
) -> Float[np.ndarray, "height width 3"]:
    """Return a picture with the lightness of one and the colours of another."""
    yiq = content @ YIQ.T
    yiq = np.concatenate([(grey @ YIQ[0])[..., None], yiq[..., 1:]], axis=-1)
    return np.clip(yiq @ np.linalg.inv(YIQ).T, 0, 1).astype(np.float32)


def recoloured(
    style: Float[np.ndarray, "height width 3"], content: Float[np.ndarray, "_ _ 3"]
) -> Float[np.ndarray, "height width 3"]:
    """Return the style with the mean and covariance of the content's colours.

        x → Σ_c^{1/2} Σ_s^{-1/2} (x − μ_s) + μ_c

    Source: Gatys et al. 2016, section 3.1 ("image analogies" form), as for `with_lightness_of`.

    >>> red = np.random.default_rng(0).uniform(size=(9, 9, 3)).astype(np.float32) * [1.0, 0.2, 0.2]
    >>> blue = red[..., ::-1] * 0.5 + 0.2
    >>> bool(np.allclose(recoloured(red, blue).mean((0, 1)), blue.mean((0, 1)), atol=0.01))
    True
    """
    mine, theirs = style.reshape(-1, 3), content.reshape(-1, 3)
    move = _power(theirs, 0.5) @ _power(mine, -0.5)
    moved = (mine - mine.mean(0)) @ move.T + theirs.mean(0)
    return np.clip(moved, 0, 1).reshape(style.shape).astype(np.float32)


def _power(pixels: np.ndarray, power: float) -> np.ndarray:
    covariance = np.cov(pixels.T) + LEAST * np.eye(3)
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, LEAST) ** power) @ vectors.T
