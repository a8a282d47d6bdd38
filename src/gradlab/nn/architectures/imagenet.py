"""Photos as the published networks for ImageNet expect them."""

from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from gradlab.errors import DataError

RGB_MEAN = (0.485, 0.456, 0.406)
RGB_DEVIATION = (0.229, 0.224, 0.225)
BGR_MEAN = (104.0, 117.0, 123.0)


def imagenet_input(
    image: UInt8[np.ndarray, "..."] | Image.Image,
    *,
    size: int = 224,
    resize: int | None = None,
    convention: Literal["torch", "caffe"] = "torch",
) -> Float[np.ndarray, "1 {size} {size} 3"]:
    """Return a photo as a batch of one: resized, cropped in the middle, normalised.

    Args:
        image: 8-bit pixels (height, width), (height, width, 3) in RGB, or a Pillow image.
        size: Pixels along both axes.
        resize: What the shorter side becomes (bilinear, averaging where it shrinks) before the
            crop; None for size · 256 / 224.
        convention: See `normalized`.

    Raises:
        DataError: If it is no image of that kind.

    >>> imagenet_input(np.zeros((300, 400, 3), np.uint8)).shape
    (1, 224, 224, 3)
    """
    picture = image if isinstance(image, Image.Image) else Image.fromarray(_checked(image))
    picture = picture.convert("RGB")
    shorter = round(size * 256 / 224) if resize is None else resize
    if shorter < size:
        raise DataError(f"The crop of size={size} does not fit in resize={shorter}; give more.")
    scale = shorter / min(picture.size)
    width, height = (max(shorter, round(n * scale)) for n in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    pixels = np.asarray(picture.crop((left, top, left + size, top + size)))
    return normalized(pixels[None], convention)


def normalized(
    images: UInt8[np.ndarray, "*batch height width 3"],
    convention: Literal["torch", "caffe"] = "torch",
) -> Float[np.ndarray, "*batch height width 3"]:
    """Return 8-bit RGB images as float32 with ImageNet's mean taken off.

    Args:
        images: Values 0 to 255.
        convention: "torch" (torchvision and most files since): shares of 255 in RGB, less
            (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225). "caffe" (the first VGG and
            SqueezeNet): values in BGR, less (104, 117, 123).

    >>> normalized(np.full((1, 1, 3), 124, np.uint8), "caffe").tolist()
    [[[20.0, 7.0, 1.0]]]
    """
    if convention == "caffe":
        return images[..., ::-1] - np.array(BGR_MEAN, np.float32)
    shares = images / np.float32(255)
    return (shares - np.array(RGB_MEAN, np.float32)) / np.array(RGB_DEVIATION, np.float32)


def _checked(image: np.ndarray) -> np.ndarray:
    if image.size == 0 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise DataError(
            "A photo has shape (height, width, 3), or (height, width) in grey; got "
            f"{image.shape}. Of a batch, give one image at a time."
        )
    return image
