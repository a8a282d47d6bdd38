"""Read the four MNIST idx files for the peers, without Gradlab."""

import gzip
from pathlib import Path

import numpy as np


def read_idx(path: Path) -> np.ndarray:
    """Return the bytes of one idx file (plain or .gz) in the shape that its header tells."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    n_axes = raw[3]
    shape = np.frombuffer(raw, ">i4", count=n_axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def load_mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training pixels in [0, 1] (60 000, 784), labels, test pixels and labels."""

    def part(name: str) -> np.ndarray:
        (path,) = folder.glob(f"{name}-ubyte*")
        return read_idx(path)

    def pixels(name: str) -> np.ndarray:
        images = part(name)
        return images.reshape(len(images), -1).astype(np.float32) / 255

    return (
        pixels("train-images-idx3"),
        part("train-labels-idx1").astype(np.int64),
        pixels("t10k-images-idx3"),
        part("t10k-labels-idx1").astype(np.int64),
    )
