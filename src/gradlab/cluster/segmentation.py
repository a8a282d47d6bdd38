"""Photographs in a few colours, and how far the parts are those that people see."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8
from scipy import ndimage
from sklearn.utils import check_random_state

from gradlab.cluster.kmeans import KMeans
from gradlab.errors import DataError, RecipeError, unknown

MOST_PIXELS = 2**18
"""Pixels, or different colours, that k-means is fitted to; the rest is only assigned."""

COMPARED = ("labels", "regions")


@dataclass(frozen=True)
class Segmentation:
    """An image in K colours, for several K.

    Attributes:
        original: The image.
        images: By K: the image with each pixel in the colour of its group; alpha as it was.
        labels: By K: group of each pixel, (height, width), the darkest group first.
        palettes: By K: the colours, (colours, channels).
        counts: By K: pixels of each colour.
        distortions: By K: mean squared distance of a pixel to its colour, over the channels' sum.
        psnr: By K: peak signal to noise ratio in dB; infinite if nothing changed.
        n_different: Colours of the image; there are no more in any palette.
        sentences: One for each K.
    """

    original: UInt8[np.ndarray, "*image"]
    images: dict[int, UInt8[np.ndarray, "*image"]]
    labels: dict[int, Int[np.ndarray, "height width"]]
    palettes: dict[int, UInt8[np.ndarray, "_ channels"]]
    counts: dict[int, Int[np.ndarray, " _"]]
    distortions: dict[int, float]
    psnr: dict[int, float]
    n_different: int
    sentences: tuple[str, ...]


def segment_colours(
    image: np.ndarray,
    ks: Iterable[int] = (2, 3, 10),
    *,
    position_weight: float = 0.0,
    n_init: int = 4,
    random_state: int | np.random.RandomState | None = 0,
) -> Segmentation:
    """Draw an image with K colours, the means of K groups of like pixels.

    Equal colours are one row of k-means with their number of pixels as its weight. Of an image with
    more than 262,144 colours so many pixels are drawn for the fit; all pixels are assigned.

    Args:
        image: Grey (h, w) or (h, w, 1), RGB (h, w, 3) or RGBA (h, w, 4), 0 to 255. Pixels count as
            much as they are opaque.
        ks: Numbers of colours. An image with fewer keeps those that it has.
        position_weight: 0 groups by colour alone. w > 0 adds a pixel's place as two features that
            run to 255 w along the image's longer side, so that groups hold together in space.
        n_init: k-means++ starts for each K.
        random_state: Seed.

    Raises:
        DataError: If the image has another shape or type, or no pixel.
        RecipeError: If a setting is out of range.

    >>> stripes = np.repeat(np.array([[0, 10, 200, 210]], np.uint8), 3, axis=0)
    >>> found = segment_colours(stripes, (2,))
    >>> found.images[2][0].tolist(), found.counts[2].tolist(), found.distortions[2]
    ([5, 5, 205, 205], [6, 6], 25.0)
    """
    image = np.asarray(image)
    pixels, weight = _pixels(image)
    ks = list(ks)
    if not ks or any(not isinstance(k, Integral) or k < 1 for k in ks):
        raise RecipeError(f"segment_colours needs whole numbers of colours >= 1; got ks={ks}.")
    if not isinstance(position_weight, Real) or not 0 <= position_weight < math.inf:
        raise RecipeError(f"position_weight needs a number >= 0; got {position_weight!r}.")
    random = check_random_state(random_state)
    colours, of_pixel = _different_colours(pixels)
    n_different = len(colours)
    if position_weight:  # every pixel is a row of its own
        colours, of_pixel = pixels, np.arange(len(pixels))
        places = _places(image, float(position_weight))
        features = np.hstack([pixels, places]).astype(np.float32)
    else:
        features = colours.astype(np.float32)
    occurs = np.bincount(of_pixel, minlength=len(colours))
    chances = np.bincount(of_pixel, weights=weight, minlength=len(colours))
    fitted = np.arange(len(features))
    if len(features) > MOST_PIXELS:
        fitted = np.sort(random.choice(len(features), MOST_PIXELS, replace=False))

    images, labels, palettes, counts, distortions, psnr, sentences = {}, {}, {}, {}, {}, {}, []
    for k in sorted({int(k) for k in ks}):
        if k >= n_different:
            palette, groups = np.unique(colours, axis=0, return_inverse=True)
            groups = groups.ravel()
        else:
            model = KMeans(k, n_init=n_init, random_state=random.randint(2**31 - 1))
            model.fit(features[fitted], sample_weight=chances[fitted])
            groups = np.unique(model.predict(features), return_inverse=True)[1]
            palette = _palette(colours, groups, chances)
        order = np.argsort(palette.astype(np.int64).sum(axis=1), kind="stable")
        palette, groups = palette[order], np.argsort(order)[groups].astype(np.int32)
        squares = np.square(colours.astype(np.float64) - palette[groups]).sum(axis=1)
        distortions[k] = float(squares @ occurs) / len(pixels)
        mse = distortions[k] / pixels.shape[1]
        psnr[k] = 10 * math.log10(255**2 / mse) if mse > 0 else math.inf
        labels[k] = groups[of_pixel].reshape(image.shape[:2])
        images[k] = _like(image, palette[groups][of_pixel])
        palettes[k] = palette
        counts[k] = np.bincount(groups, weights=occurs, minlength=len(palette)).astype(np.int64)
        few = f" (the image has no more than {len(palette)})" if len(palette) < k else ""
        sentences.append(
            f"K = {k}: {len(palette)} colours{few}, distortion {distortions[k]:.1f}, "
            f"PSNR {psnr[k]:.1f} dB."
        )
    return Segmentation(
        image, images, labels, palettes, counts, distortions, psnr, n_different, tuple(sentences)
    )


def _pixels(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colour of each pixel, (pixels, 1 or 3), and how opaque it is."""
    known = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
    if image.dtype != np.uint8 or not known or image.size == 0:
        raise DataError(
            "Expected an image of uint8, (height, width) or (height, width, 1, 3 or 4), got shape "
            f"{image.shape} of {image.dtype}. Pixels from 0 to 1 become such by "
            "(255 * image).round().astype(np.uint8)."
        )
    pixels = image.reshape(image.shape[0] * image.shape[1], -1)
    if pixels.shape[1] < 4:
        return pixels, np.ones(len(pixels))
    opaque = pixels[:, 3] / 255
    return pixels[:, :3], opaque if opaque.any() else np.ones(len(pixels))


def _different_colours(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours that occur, and the place of each pixel's among them."""
    shifts = 8 * np.arange(pixels.shape[1])
    code = (pixels.astype(np.uint32) << shifts[None, :].astype(np.uint32)).sum(axis=1)
    seen = np.zeros(256 ** pixels.shape[1], bool)
    seen[code] = True
    codes = np.flatnonzero(seen)
    place = np.zeros(len(seen), np.int32)
    place[codes] = np.arange(len(codes))
    return (codes[:, None] >> shifts[None, :] & 255).astype(np.uint8), place[code]


def _places(image: np.ndarray, weight: float) -> np.ndarray:
    height, width = image.shape[:2]
    rows, columns = np.divmod(np.arange(height * width), width)
    return np.stack([rows, columns], axis=1) * (255 * weight / max(height, width))


def _palette(colours: np.ndarray, groups: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return each group's mean colour, no two of them equal.

    Where rounding makes two means equal, a group takes the nearest free one of its own colours.
    """
    weight = weight + 1e-9  # a group of transparent pixels has a colour too
    total = np.bincount(groups, weights=weight)
    sums = [np.bincount(groups, weights=weight * channel) for channel in colours.T]
    means = np.stack(sums, axis=1) / total[:, None]
    rounded = means.round().astype(np.uint8)
    if len(np.unique(rounded, axis=0)) == len(rounded):
        return rounded
    taken: set[bytes] = set()
    for i in np.argsort(np.bincount(groups), kind="stable"):  # those with fewest to choose from
        if rounded[i].tobytes() in taken:
            own = np.unique(colours[groups == i], axis=0)
            near = ((own - means[i]) ** 2).sum(axis=1).argsort()
            free = (own[j] for j in near if own[j].tobytes() not in taken)
            rounded[i] = next(free, rounded[i])
        taken.add(rounded[i].tobytes())
    return rounded


def _like(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return colours in the shape of an image, with its alpha."""
    if image.ndim == 3 and image.shape[2] == 4:
        colours = np.hstack([colours, image.reshape(-1, 4)[:, 3:]])
    return colours.reshape(image.shape)


@dataclass(frozen=True)
class SegmentationScore:
    """How far a segmentation is that of people; an array holds one number a person.

    Attributes:
        compared: "labels" or "regions": what stood against the human regions.
        n_parts: How many of these there are.
        n_human: Regions of each human segmentation.
        rand: Share of the pixel pairs that both put together, or both apart. The mean over people
            is the probabilistic Rand index; 1 is best.
        variation: Variation of information in bits, H(A|B) + H(B|A); 0 is best.
        covering: How well the best part covers each human region, by intersection over union, in
            the mean over pixels; 1 is best.
        sentence: The means in words.
    """

    compared: str
    n_parts: int
    n_human: Int[np.ndarray, " people"]
    rand: Float[np.ndarray, " people"]
    variation: Float[np.ndarray, " people"]
    covering: Float[np.ndarray, " people"]
    sentence: str


def score_segmentation(
    labels: Integer[np.ndarray, "height width"],
    human_segmentations: Sequence[np.ndarray],
    *,
    compare: str = "labels",
) -> SegmentationScore:
    """Compare a label map with those of people, whatever the numbers of the labels.

    People mark connected regions. A colour occurs in many places: "labels" takes all pixels of a
    colour as one part, "regions" each connected region of them (over edges, not corners) as its
    own, and there are then thousands.

    Args:
        labels: The map to judge.
        human_segmentations: Maps of the same size, one a person.
        compare: "labels" or "regions".

    Raises:
        DataError: If there is no human map, or one of another size.
        RecipeError: If `compare` is neither.

    Sources: Unnikrishnan, Pantofaru & Hebert 2007 (probabilistic Rand index); Meilă 2007 (variation
    of information); Arbeláez et al. 2011, section 2.3 (covering).

    >>> ours = np.array([[0, 0, 1, 1]])
    >>> score = score_segmentation(ours, [np.array([[5, 5, 7, 7]]), np.array([[1, 1, 1, 1]])])
    >>> score.rand.round(3).tolist(), score.variation.tolist(), score.covering.tolist()
    ([1.0, 0.333], [0.0, 1.0], [1.0, 0.5])
    """
    if compare not in COMPARED:
        raise RecipeError(unknown("comparison", str(compare), COMPARED))
    labels = np.asarray(labels)
    others = [np.asarray(other).shape for other in human_segmentations]
    if not others or labels.ndim != 2 or any(shape != labels.shape for shape in others):
        raise DataError(
            f"Expected human segmentations of shape {labels.shape}, got shapes {others}. Turn or "
            "resize none of them: pixels are compared one by one."
        )
    parts = connected_regions(labels) if compare == "regions" else labels
    own = np.unique(parts, return_inverse=True)[1].ravel()
    scores = np.array([_compared(own, np.asarray(other)) for other in human_segmentations])
    n_human = scores[:, 0].astype(np.int64)
    rand, variation, covering = scores[:, 1:].T
    what = "colour labels" if compare == "labels" else "connected regions of one colour"
    sentence = (
        f"{own.max() + 1} {what} against the regions of {len(scores)} people: probabilistic Rand "
        f"index {rand.mean():.3f}, variation of information {variation.mean():.2f} bits, covering "
        f"{covering.mean():.3f} (means)."
    )
    return SegmentationScore(
        compare, int(own.max()) + 1, n_human, rand, variation, covering, sentence
    )


def connected_regions(
    labels: Integer[np.ndarray, "height width"],
) -> Int[np.ndarray, "height width"]:
    """Return a label map in which every connected region, over edges, has a number of its own.

    >>> connected_regions(np.array([[1, 1, 0, 1]])).tolist()
    [[1, 1, 0, 2]]
    """
    regions, n = np.zeros(labels.shape, np.int64), 0
    for label in np.unique(labels):
        here = labels == label
        numbered = np.zeros(labels.shape, np.int32)
        ndimage.label(here, output=numbered)
        regions[here] = numbered[here] + (n - 1)
        n += int(numbered.max())
    return regions


def _compared(own: np.ndarray, other: np.ndarray) -> tuple[int, float, float, float]:
    """Return the other's parts, Rand index, variation of information and covering of the other."""
    theirs = np.unique(other, return_inverse=True)[1].ravel()
    n, n_own = len(own), int(own.max()) + 1
    pairs, common = np.unique(theirs.astype(np.int64) * n_own + own, return_counts=True)
    i, j = np.divmod(pairs, n_own)
    a, b = np.bincount(theirs), np.bincount(own)
    together = float((common.astype(float) ** 2).sum())
    apart = float((a.astype(float) ** 2).sum() + (b.astype(float) ** 2).sum()) - 2 * together
    rand = 1 - apart / (n * (n - 1.0)) if n > 1 else 1.0
    variation = -float((common / n * np.log2(common**2 / (a[i] * b[j]))).sum())
    best = np.zeros(len(a))
    np.maximum.at(best, i, common / (a[i] + b[j] - common))
    return len(a), rand, max(0.0, variation), float((a * best).sum()) / n
