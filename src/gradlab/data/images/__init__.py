"""Pictures in files: listed, decoded to one shape, kept in a cache. Pillow waits till needed."""

from gradlab.data.images.cifar import read_cifar
from gradlab.data.images.loading import (
    images_like,
    list_images,
    load_images,
    unlabelled_images,
)
from gradlab.data.images.sizes import ImageSize

__all__ = [
    "ImageSize",
    "images_like",
    "list_images",
    "load_images",
    "read_cifar",
    "unlabelled_images",
]
