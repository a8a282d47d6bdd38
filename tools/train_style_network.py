"""Learn the feature network that comes with Gradlab and write it into the package.

    python tools/train_style_network.py [--patches 370] [--seed 0]

Patterns are drawn here (`PATTERNS`), each in random colours: smooth and rough random fields,
stripes of eight directions and two widths, checks, dots, cells, fallen leaves, brush strokes,
hatching, grain. Nothing is downloaded and no photograph is used, so the weights may be shipped.
They are written in half precision with the seed that made them.

Layer by layer, windows of the maps so far are whitened, and the filters are the directions found
in them by spherical k-means (Coates and Ng 2012, https://doi.org/10.1007/978-3-642-35289-8_30).
Biases let every map answer at half of all places. A classifier of the same patterns had many dead
and few independent maps, and its Gram matrices hardly told paintings apart: grain had them too.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from safetensors.numpy import save

from gradlab.files import write_whole
from gradlab.nn.architectures.imagenet import RGB_DEVIATION, RGB_MEAN
from gradlab.nn.convolution import Conv2D
from gradlab.style.builtin import WEIGHTS, WIDTHS, pooling

SIDE = 48
"""Pixels of a patch."""

KERNEL = 3
"""Side of the windows and of the filters."""

WINDOWS = 6000
"""Windows from which the filters of a layer are learnt."""

ROUNDS = 10
"""Of k-means."""

ACTIVE = 0.5
"""Share of the places at which a map is above 0."""

Drawn = np.ndarray
"""A pattern: how far each pixel lies between two, or among several, colours; from 0 to 1."""


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    return y, x


def field(rng: np.random.Generator, slope: float) -> Drawn:
    """A random field whose amplitudes fall as frequency to the power of -slope."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    size = np.hypot(fy, fx)
    size[0, 0] = 1
    noise = np.fft.rfft2(rng.normal(size=(SIDE, SIDE)))
    made = np.fft.irfft2(noise / size**slope, s=(SIDE, SIDE))
    low, high = np.quantile(made, [0.02, 0.98])
    return np.clip((made - low) / (high - low), 0, 1)


def stripes(rng: np.random.Generator, angle: float, period: float) -> Drawn:
    y, x = grid()
    angle = angle + rng.normal() * 0.1
    along = np.cos(angle) * x + np.sin(angle) * y
    along = along + rng.uniform(0, 3) * field(rng, 2)  # not ruled: bent a little
    wave = np.sin(2 * np.pi * along / (period * rng.uniform(0.8, 1.25)) + rng.uniform(0, 6.3))
    return 1 / (1 + np.exp(-wave * rng.uniform(1, 12)))


def checks(rng: np.random.Generator, period: float) -> Drawn:
    turn = rng.uniform(0, np.pi)
    wave = (stripes_at(rng, turn, period) - 0.5) * (stripes_at(rng, turn + np.pi / 2, period) - 0.5)
    return (wave > 0).astype(float)


def stripes_at(rng: np.random.Generator, angle: float, period: float) -> Drawn:
    y, x = grid()
    along = np.cos(angle) * x + np.sin(angle) * y
    return 0.5 + 0.5 * np.sin(2 * np.pi * along / period + rng.uniform(0, 6.3))


def dots(rng: np.random.Generator, radius: float) -> Drawn:
    y, x = grid()
    made = np.zeros((SIDE, SIDE))
    n = int(SIDE**2 / (radius**2 * rng.uniform(8, 20)))
    for cy, cx in rng.uniform(0, SIDE, (n, 2)):
        made = np.maximum(made, np.clip(radius + 0.5 - np.hypot(y - cy, x - cx), 0, 1))
    return made


def rings(rng: np.random.Generator) -> Drawn:
    """Curves round a point: what straight stripes lack."""
    y, x = grid()
    cy, cx = rng.uniform(-10, SIDE + 10, 2)
    radius = np.hypot(y - cy, x - cx) + rng.uniform(0, 4) * field(rng, 2)
    return 0.5 + 0.5 * np.sin(2 * np.pi * radius / rng.uniform(5, 12))


def cells(rng: np.random.Generator, edges: bool) -> Drawn:
    """Cells of the nearest of random points: flat, or their borders alone."""
    y, x = grid()
    points = rng.uniform(0, SIDE, (rng.integers(6, 40), 2))
    far = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1])
    if edges:
        near = np.sort(far, axis=-1)
        return np.clip((near[..., 1] - near[..., 0]) / rng.uniform(1, 3), 0, 1)
    return rng.uniform(size=len(points))[far.argmin(-1)]


def leaves(rng: np.random.Generator, exponent: float) -> Drawn:
    """Discs of many sizes that fell on one another: edges and areas as in photographs."""
    y, x = grid()
    made = np.full((SIDE, SIDE), rng.uniform())
    for _ in range(120):
        radius = 2 * (1 - rng.uniform() * (1 - (2 / 40) ** exponent)) ** (-1 / exponent)
        cy, cx = rng.uniform(-10, SIDE + 10, 2)
        made[np.hypot(y - cy, x - cx) < radius] = rng.uniform()
    return made


def strokes(rng: np.random.Generator, length: float, width: float, curl: float) -> Drawn:
    """Brush strokes one over another, each of one tone with bristles along it."""
    y, x = grid()
    made, heading = field(rng, 2), rng.uniform(0, np.pi)
    for _ in range(70):
        cy, cx = rng.uniform(-5, SIDE + 5, 2)
        turn, bend = heading + curl * rng.normal(), rng.normal() * curl * 0.05
        u = np.cos(turn) * (x - cx) + np.sin(turn) * (y - cy)
        v = -np.sin(turn) * (x - cx) + np.cos(turn) * (y - cy) - bend * u**2
        inside = (np.abs(u) < length) & (np.abs(v) < width)
        bristles = 0.12 * np.sin(v * rng.uniform(2, 4) + rng.uniform(0, 6))
        made[inside] = (rng.uniform() + bristles)[inside] if inside.any() else made[inside]
    return np.clip(made, 0, 1)


def lines(rng: np.random.Generator, crossed: bool) -> Drawn:
    """Thin lines on a ground, as of a pen: all one way, or two."""
    y, x = grid()
    made, turn = np.ones((SIDE, SIDE)), rng.uniform(0, np.pi)
    for i in range(rng.integers(14, 40)):
        angle = turn + 0.1 * rng.normal() + (np.pi / 2 if crossed and i % 2 else 0)
        shift = rng.uniform(-SIDE, SIDE)
        off = np.abs(np.cos(angle) * (x - SIDE / 2) + np.sin(angle) * (y - SIDE / 2) - shift / 1.4)
        made = np.minimum(made, np.clip(off / rng.uniform(0.6, 1.4), 0, 1))
    return made


def ramp(rng: np.random.Generator) -> Drawn:
    y, x = grid()
    angle = rng.uniform(0, 2 * np.pi)
    made = np.cos(angle) * x + np.sin(angle) * y
    return (made - made.min()) / np.ptp(made)


def edge(rng: np.random.Generator, soft: float) -> Drawn:
    y, x = grid()
    angle = rng.uniform(0, 2 * np.pi)
    off = np.cos(angle) * (x - rng.uniform(10, 38)) + np.sin(angle) * (y - rng.uniform(10, 38))
    off = off + rng.uniform(0, 8) * (field(rng, 2) - 0.5)
    return 1 / (1 + np.exp(-off / soft))


DIRECTIONS = tuple(np.pi * i / 8 for i in range(8))

PATTERNS: dict[str, Callable[[np.random.Generator], Drawn]] = {
    **{f"field {s}": lambda rng, s=s: field(rng, s) for s in (0.0, 0.7, 1.2, 1.8)},
    **{
        f"stripes {i} {p}": lambda rng, a=angle, p=p: stripes(rng, a, p)
        for i, angle in enumerate(DIRECTIONS)
        for p in (4.0, 9.0)
    },
    **{f"checks {p}": lambda rng, p=p: checks(rng, p * rng.uniform(0.8, 1.2)) for p in (8, 18)},
    **{f"dots {r}": lambda rng, r=r: dots(rng, r * rng.uniform(0.8, 1.2)) for r in (1.5, 4.0)},
    "rings": rings,
    "cells": lambda rng: cells(rng, False),
    "cell borders": lambda rng: cells(rng, True),
    **{f"leaves {e}": lambda rng, e=e: leaves(rng, e) for e in (1.2, 2.5)},
    "short strokes": lambda rng: strokes(rng, 4, 1.5, 0.3),
    "long strokes": lambda rng: strokes(rng, 12, 2.5, 0.3),
    "curled strokes": lambda rng: strokes(rng, 9, 2, 1.5),
    "hatching": lambda rng: lines(rng, False),
    "cross-hatching": lambda rng: lines(rng, True),
    "ramp": ramp,
    "sharp edge": lambda rng: edge(rng, 0.4),
    "soft edge": lambda rng: edge(rng, 3.0),
}


def coloured(pattern: Drawn, rng: np.random.Generator) -> np.ndarray:
    """Return a pattern between two colours, lit unevenly and with a little noise, in 8 bits."""
    first, second = rng.uniform(size=(2, 3))
    if np.abs(first - second).max() < 0.25:
        second = 1 - first
    shade = 0.7 + 0.3 * field(rng, 2.5)[..., None]
    picture = (first + pattern[..., None] * (second - first)) * shade
    picture = picture + rng.normal(size=picture.shape) * rng.uniform(0, 0.04)
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def patches(n: int, seed: int) -> np.ndarray:
    """Return patches in turn of every pattern."""
    rng = np.random.default_rng(seed)
    draw = list(PATTERNS.values())
    return np.stack([coloured(draw[i % len(draw)](rng), rng) for i in range(n)])


def entering(pictures: np.ndarray) -> Array:
    """Return 8-bit pictures as the network takes them in."""
    return (jnp.asarray(pictures, jnp.float32) / 255 - jnp.asarray(RGB_MEAN)) / jnp.asarray(
        RGB_DEVIATION
    )


def windows(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `WINDOWS` random windows of `KERNEL` x `KERNEL` places, one a row."""
    n, height, width, _ = maps.shape
    most = (n, height - KERNEL + 1, width - KERNEL + 1)
    where = rng.integers(0, most, (WINDOWS, 3))
    return np.stack([maps[i, y : y + KERNEL, x : x + KERNEL].ravel() for i, y, x in where])


def whitening(rows: np.ndarray) -> np.ndarray:
    """Return W so that the columns of (rows - mean) @ W are uncorrelated, none of them noise."""
    sizes, axes = np.linalg.eigh(np.cov(rows.T))
    kept = sizes > 1e-4 * sizes.max()
    return axes[:, kept] / np.sqrt(sizes[kept] + 0.02 * sizes.max())


def directions(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the n directions by which rows are best told: spherical k-means, either sign."""
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    found = rows[rng.choice(len(rows), n, replace=False)]
    for _ in range(ROUNDS):
        likeness = rows @ found.T
        nearest = np.abs(likeness).argmax(axis=1)
        signs = np.sign(likeness[np.arange(len(rows)), nearest])
        found = 1e-3 * rng.normal(size=found.shape)  # moves a direction that has no rows
        np.add.at(found, nearest, rows * signs[:, None])
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def convolution(kernel: np.ndarray, bias: np.ndarray) -> Conv2D:
    one = (1, 1)
    return Conv2D(
        jnp.asarray(kernel, jnp.float32),
        jnp.asarray(bias, jnp.float32),
        stride=one,
        padding="same",
        dilation=one,
        groups=1,
        chunk=None,
    )


def learnt(maps: Array, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a layer whose maps have deviation 1 and are above 0 as `ACTIVE`."""
    rows = windows(np.asarray(maps, np.float64), rng)
    turned = whitening(rows)
    flat = turned @ directions((rows - rows.mean(axis=0)) @ turned, width, rng).T
    kernel = flat.reshape(KERNEL, KERNEL, maps.shape[-1], width)
    answers, _ = convolution(kernel, np.zeros(width))(maps, None)
    answers = np.asarray(answers).reshape(-1, width)
    deviation = answers.std(axis=0)
    return kernel / deviation, -np.quantile(answers, 1 - ACTIVE, axis=0) / deviation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=int, default=370)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()

    rng = np.random.default_rng(arguments.seed)
    maps = entering(patches(arguments.patches, arguments.seed))
    tensors = {}
    for number, width in enumerate(WIDTHS, 1):
        if number > 1:
            maps, _ = pooling()(maps, None)
        kernel, bias = (part.astype(np.float16) for part in learnt(maps, width, rng))
        tensors |= {f"conv{number}.weight": kernel, f"conv{number}.bias": bias}
        maps = jnp.maximum(convolution(kernel, bias)(maps, None)[0], 0)
        print(f"conv{number}: {width} maps, above 0 at {float((maps > 0).mean()):.2f} of places")
    content = save(tensors, {"seed": str(arguments.seed)})
    write_whole(arguments.out, content)
    print(f"{len(content):,} bytes in {arguments.out}")


if __name__ == "__main__":
    main()
