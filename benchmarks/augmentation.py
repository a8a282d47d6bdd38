"""Microseconds an image that augmentation adds to a compiled training loop, and its peers.

    python benchmarks/augmentation.py [--rounds 7] [--side 28] [--channels 1] [--batch 128]

Ours is measured inside a scan over steps whose images a matrix product consumes, less the same
loop without augmentation. Peers: SciPy image by image, as a data loader would; batched PyTorch
(`grid_sample` with a matrix for each image) where PyTorch is; torchvision image by image where
it can be imported.
"""

import argparse
import importlib
import time
from collections.abc import Callable, Mapping
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage
from timing import interleave

from gradlab.nn import row_key
from gradlab.nn.augmentation import parse_augmentation, parse_augmentations

SINGLE = (
    "translate 0.1",
    "rotate 15",
    "zoom 0.1",
    "shear 10",
    "mirror",
    "crop 4",
    "elastic 34 4",
    "brightness 0.2",
    "contrast 0.2",
    "colour 0.1",
    "noise 0.1",
    "mask 0.3",
)
SEVERAL = ("rotate 15", "zoom 0.1", "shear 10", "elastic 34 4")
STEPS = 20


class Chain(eqx.Module):
    """Layers without state one after another."""

    layers: tuple

    def __call__(self, x, key):
        for i, layer in enumerate(self.layers):
            x, _ = layer(x, (), key=key.fold(i), training=True)
        return x


@eqx.filter_jit
def loop(chain, images, weight):
    """Augment the batch anew in every step and consume it."""
    rows = jnp.arange(len(images))

    def step(total, number):
        x = chain(images, row_key(0, number, rows))
        return total + x.reshape(len(x), -1) @ weight, None

    start = jnp.zeros((len(images), weight.shape[1]))
    return jax.lax.scan(step, start, jnp.arange(STEPS))[0]


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ours(chain: Chain, images: jax.Array, weight: jax.Array) -> float:
    """Return seconds an image and step."""
    elapsed = seconds(lambda: jax.block_until_ready(loop(chain, images, weight)))
    return elapsed / (STEPS * len(images))


def scipy_peers(images: np.ndarray) -> dict[str, Callable[[], float]]:
    """Return seconds an image of SciPy, one image after another."""
    rng = np.random.default_rng(0)
    height, width = images.shape[1:3]
    centre = np.array([(height - 1) / 2, (width - 1) / 2])

    def affine(image: np.ndarray) -> np.ndarray:
        angle = rng.uniform(-0.26, 0.26)
        matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        offset = centre - matrix @ centre
        return np.stack(
            [
                ndimage.affine_transform(plane, matrix, offset, order=1, mode="nearest")
                for plane in np.moveaxis(image, -1, 0)
            ],
            axis=-1,
        )

    def elastic(image: np.ndarray) -> np.ndarray:
        noise = rng.uniform(-1, 1, (2, height, width)).astype(np.float32)
        field = [34 * ndimage.gaussian_filter(part, 4, mode="constant") for part in noise]
        places = np.mgrid[:height, :width] + np.stack(field)
        return np.stack(
            [
                ndimage.map_coordinates(plane, places, order=1, mode="nearest")
                for plane in np.moveaxis(image, -1, 0)
            ],
            axis=-1,
        )

    def each(change: Callable[[np.ndarray], np.ndarray]) -> float:
        return seconds(lambda: [change(image) for image in images]) / len(images)

    return {"rotate 15": partial(each, affine), "elastic 34 4": partial(each, elastic)}


def torch_peers(images: np.ndarray) -> dict[str, Callable[[], float]]:
    """Return seconds an image of batched PyTorch, channels first as it likes them."""
    torch = importlib.import_module("torch")
    functional = torch.nn.functional
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    n, _, height, width = x.shape

    def sample(grid):
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=True)

    def rotate():
        angle = (torch.rand(n) * 2 - 1) * 0.26
        cos, sin, zero = torch.cos(angle), torch.sin(angle), torch.zeros(n)
        rows = torch.stack([cos, -sin, zero, sin, cos, zero], 1).reshape(n, 2, 3)
        return sample(functional.affine_grid(rows, list(x.shape), align_corners=True))

    offsets = torch.arange(-16, 17)
    kernel = torch.exp(-(offsets**2) / 32.0)
    kernel = kernel / kernel.sum()
    identity = functional.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], True)

    def elastic():
        noise = torch.rand(n * 2, 1, height, width) * 2 - 1
        smooth = functional.conv2d(noise, kernel.reshape(1, 1, -1, 1), padding=(16, 0))
        smooth = functional.conv2d(smooth, kernel.reshape(1, 1, 1, -1), padding=(0, 16))
        field = 34 * smooth.reshape(n, 2, height, width).permute(0, 2, 3, 1)
        return sample(identity + field * 2 / torch.tensor([width - 1.0, height - 1.0]))

    def mirror():
        return torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(3), x)

    def noise():
        return x + 0.1 * torch.randn_like(x)

    changes = {"rotate 15": rotate, "elastic 34 4": elastic, "mirror": mirror, "noise 0.1": noise}
    return {
        name: partial(lambda change: seconds(change) / n, change)
        for name, change in changes.items()
    }


def torchvision_peers(images: np.ndarray) -> dict[str, Callable[[], float]]:
    """Return seconds an image of torchvision's transforms, one image after another."""
    torch = importlib.import_module("torch")
    transforms = importlib.import_module("torchvision.transforms.v2")
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    bilinear = transforms.InterpolationMode.BILINEAR
    changes = {
        "rotate 15": transforms.RandomAffine(15, interpolation=bilinear),
        "elastic 34 4": transforms.ElasticTransform(34.0, 4.0, interpolation=bilinear),
        "mirror": transforms.RandomHorizontalFlip(),
        "crop 4": transforms.RandomCrop(x.shape[2], padding=4),
        "brightness 0.2": transforms.ColorJitter(brightness=0.2),
        "contrast 0.2": transforms.ColorJitter(contrast=0.2),
    }

    def each(change: Callable) -> float:
        return seconds(lambda: [change(image) for image in x]) / len(x)

    return {name: partial(each, change) for name, change in changes.items()}


def main() -> None:
    """Print one table: microseconds an image, medians of interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = (arguments.batch, arguments.side, arguments.side, arguments.channels)
    images = rng.random(shape, dtype=np.float32)
    weight = jnp.asarray(rng.random((images[0].size, 16), dtype=np.float32))

    chains = {text: Chain((parse_augmentation(text),)) for text in SINGLE}
    chains["four in one pass"] = Chain(parse_augmentations(SEVERAL))
    chains["four passes"] = Chain(tuple(map(parse_augmentation, SEVERAL)))
    batch = jnp.asarray(images)
    variants: dict[str, Callable[[], float]] = {"none": partial(ours, Chain(()), batch, weight)}
    variants |= {name: partial(ours, chain, batch, weight) for name, chain in chains.items()}
    peers: Mapping[str, Callable] = {
        "SciPy": scipy_peers,
        "PyTorch": torch_peers,
        "torchvision": torchvision_peers,
    }
    columns = []
    for peer, make in peers.items():
        try:
            made = make(images)
        except (ImportError, RuntimeError) as error:  # torchvision's library may not fit PyTorch
            print(f"{peer} left out: {error}")
            continue
        columns.append(peer)
        variants |= {f"{peer}: {name}": run for name, run in made.items()}
    for run in variants.values():  # compile, and warm the caches
        run()
    timings = interleave(variants, arguments.rounds)
    median = {timing.name: 1e6 * timing.median for timing in timings}
    least = {timing.name: 1e6 * min(timing.seconds) for timing in timings}

    print(f"microseconds an image {arguments.side}x{arguments.side}x{arguments.channels}, ", end="")
    print(f"batch {arguments.batch}, median (least) of {arguments.rounds} rounds")
    print(f"{'':18}{'ours':>16}" + "".join(f"{peer:>18}" for peer in columns))
    for name in chains:
        cells = [f"{median[name] - median['none']:8.2f} ({least[name] - least['none']:5.2f})"]
        for peer in columns:
            key = f"{peer}: {name}"
            cells.append(f"{median[key]:9.2f} ({least[key]:6.2f})" if key in median else "")
        print(f"{name:18}{cells[0]:>16}" + "".join(f"{cell:>18}" for cell in cells[1:]))
    print(f"the loop itself: {median['none']:.2f} ({least['none']:.2f})")


if __name__ == "__main__":
    main()
