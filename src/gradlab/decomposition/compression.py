"""Compression of pictures: T' = X P' is stored instead of X, and X̂ = T' P'ᵀ + mean is shown."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, UInt8

from gradlab.decomposition.pca import PCA
from gradlab.errors import DataError, RecipeError, unknown
from gradlab.metrics.images import psnr, ssim

PRECISIONS = ("float16", "float32")


@dataclasses.dataclass(frozen=True)
class CompressedImage:
    """What is stored of pictures; pixels count from 0 to 1.

    Args:
        codes: T'.
        basis: P'ᵀ.
        mean: Of each feature.
        shape: Of the pictures.
        patch: Side of the blocks that are the rows; None for lines of pixels or whole pictures.
    """

    codes: Float[np.ndarray, "rows components"]
    basis: Float[np.ndarray, "components features"]
    mean: Float[np.ndarray, " features"]
    shape: tuple[int, ...]
    patch: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of codes, basis and mean together."""
        return self.codes.nbytes + self.basis.nbytes + self.mean.nbytes

    def decompress(self) -> UInt8[np.ndarray, "..."]:
        """Return X̂ = T' P'ᵀ + mean as pixels from 0 to 255."""
        codes, basis, mean = (
            part.astype(np.float32) for part in (self.codes, self.basis, self.mean)
        )
        pixels = np.rint(255 * np.clip(codes @ basis + mean[None], 0, 1)).astype(np.uint8)
        if self.patch is None:
            return pixels.reshape(self.shape)
        return _joined(pixels, self.shape, self.patch)


@dataclasses.dataclass(frozen=True)
class Compression:
    """Pictures compressed to several numbers of components.

    Args:
        original: The pixels.
        by_components: What is stored for each number of components, rising.
        table: A row for each: components, bytes, ratio (of the original's bytes to these),
            psnr (dB) and ssim; of several pictures their means.
    """

    original: UInt8[np.ndarray, "..."]
    by_components: dict[int, CompressedImage]
    table: pl.DataFrame

    def images(self) -> dict[int, UInt8[np.ndarray, "..."]]:
        """Return what is shown for each number of components."""
        return {n: stored.decompress() for n, stored in self.by_components.items()}


def compress_image(
    image: np.ndarray,
    n_components: int | Sequence[int],
    *,
    patch: int | None = None,
    stored: str = "float16",
) -> Compression:
    """Compress one picture by the principal components of its own parts.

    Without `patch` each line of pixels is a row of X, (height, width · channels), as the course
    does. With it the rows are the blocks of patch x patch pixels, (blocks, patch² · channels),
    which have more in common than lines; a picture whose sides are no multiples is filled up with
    copies of its last line and column, which are cut off again.

    Args:
        image: (height, width) or (height, width, channels), uint8.
        n_components: How many to keep, or several numbers to compare.
        patch: Side of the blocks; None for lines.
        stored: Precision of codes, basis and mean: "float16" or "float32".

    Raises:
        DataError: If the image is no uint8 picture, or has a side of fewer than 3 pixels.
        RecipeError: If a number of components is not between 1 and min(rows, features).

    Source: catalogue DIM-11.

    >>> image = np.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    >>> compress_image(image, [1, 8]).table["bytes"].to_list()
    [384, 2176]
    """
    pixels = _checked(image, (2, 3), "one picture (height, width[, channels])")
    if patch is not None and patch < 1:
        raise RecipeError(f"patch is the side of a block in pixels, from 1; got {patch}.")
    rows = pixels.reshape(len(pixels), -1) if patch is None else _blocks(pixels, patch)
    return _compressed(pixels, rows, n_components, patch, stored, pixels[None])


def compress_images(
    images: np.ndarray,
    n_components: int | Sequence[int],
    *,
    stored: str = "float16",
) -> Compression:
    """Compress pictures of one kind, each a row of X, (images, height · width · channels).

    All share the basis (eigenfaces), so it pays for many pictures. PSNR and SSIM are means over
    the pictures.

    Args:
        images: (images, height, width) or (images, height, width, channels), uint8.
        n_components: How many to keep, or several numbers to compare.
        stored: Precision of codes, basis and mean: "float16" or "float32".

    Raises:
        DataError, RecipeError: As `compress_image`.

    >>> faces = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    >>> compress_images(faces, 5).images()[5].shape
    (6, 4, 4)
    """
    pixels = _checked(images, (3, 4), "pictures (images, height, width[, channels])")
    return _compressed(pixels, pixels.reshape(len(pixels), -1), n_components, None, stored, pixels)


def _compressed(
    original: np.ndarray,
    rows: np.ndarray,
    n_components: int | Sequence[int],
    patch: int | None,
    stored: str,
    pictures: np.ndarray,
) -> Compression:
    wanted = [n_components] if isinstance(n_components, (int, np.integer)) else n_components
    counts = sorted({int(n) for n in wanted})
    if stored not in PRECISIONS:
        raise RecipeError(unknown("precision", stored, PRECISIONS))
    if not counts or counts[0] < 1 or len(rows) < 2 or counts[-1] > min(rows.shape):
        raise RecipeError(
            f"X has shape {rows.shape}, so the numbers of components lie between 1 and "
            f"{min(rows.shape)}, of at least 2 rows; got {counts}."
        )
    x = rows.astype(np.float32) / np.float32(255)
    pca = PCA(counts[-1], random_state=0).set_output(transform="default")
    codes = pca.fit_transform(x).astype(stored)
    basis, mean = pca.components_.astype(stored), pca.mean_.astype(stored)
    by_components = {
        n: CompressedImage(codes[:, :n].copy(), basis[:n].copy(), mean, original.shape, patch)
        for n in counts
    }
    smallest = min(pictures.shape[1:3])
    window = min(7, smallest - 1 + smallest % 2)  # odd, and inside the picture
    lines = []
    for n, kept in by_components.items():
        pairs = list(zip(pictures, kept.decompress().reshape(pictures.shape), strict=True))
        lines.append(
            {
                "components": n,
                "bytes": kept.nbytes,
                "ratio": original.nbytes / kept.nbytes,
                "psnr": float(np.mean([psnr(a, b, max_value=255) for a, b in pairs])),
                "ssim": float(
                    np.mean([ssim(a, b, max_value=255, window=window) for a, b in pairs])
                ),
            }
        )
    return Compression(original, by_components, pl.DataFrame(lines))


def _checked(image: np.ndarray, axes: tuple[int, int], what: str) -> np.ndarray:
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in axes or not pixels.size:
        raise DataError(
            f"expected {what} of uint8 pixels; got shape {pixels.shape} of {pixels.dtype}."
        )
    return pixels


def _blocks(image: np.ndarray, patch: int) -> np.ndarray:
    """Return the blocks as rows, line by line of blocks."""
    image = image.reshape(*image.shape[:2], -1)
    height, width, channels = image.shape
    fill = [(0, -height % patch), (0, -width % patch), (0, 0)]
    image = np.pad(image, fill, mode="edge")
    down, across = image.shape[0] // patch, image.shape[1] // patch
    parts = image.reshape(down, patch, across, patch, channels).swapaxes(1, 2)
    return parts.reshape(down * across, -1)


def _joined(rows: np.ndarray, shape: tuple[int, ...], patch: int) -> np.ndarray:
    """Undo `_blocks`."""
    height, width = shape[:2]
    down, across = -(-height // patch), -(-width // patch)
    parts = rows.reshape(down, across, patch, patch, -1).swapaxes(1, 2)
    whole = parts.reshape(down * patch, across * patch, -1)
    return whole[:height, :width].reshape(shape)
