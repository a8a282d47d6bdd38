"""What a transfer ends with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import UInt8

from gradlab.files import write_whole


@dataclass(frozen=True, eq=False)
class StyledPicture:
    """A picture with the content of one and the style of others.

    Attributes:
        image: RGB in 8 bits.
        history: One row a step: size (its longer side), step, total, and where they were measured
            content, style and variation, each weighted by its layers but not by α, β, γ.
        content_losses: By content layer at the end, before any weight.
        style_losses: By style layer at the end, before any weight.
        content_loss: Their weighted sum; with balanced layers, 1 is as far as a picture without
            detail is.
        style_loss: The same for style.
        previews: Pictures on the way, with their words.
        settings: What was asked for.
        notes: What was decided or went wrong on the way.
        seconds: Time it took.
    """

    image: UInt8[np.ndarray, "height width 3"]
    history: pl.DataFrame
    content_losses: dict[str, float]
    style_losses: dict[str, float]
    content_loss: float
    style_loss: float
    previews: tuple[tuple[str, np.ndarray], ...]
    settings: dict[str, Any]
    notes: tuple[str, ...]
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        height, width = self.image.shape[:2]
        steps = self.history.height
        said = [
            (
                f"The picture of {width} x {height} pixels was made in {steps} steps and "
                f"{self.seconds:.0f} s."
            )
        ]
        if self.settings["layer_weights"] == "balanced":
            parts = []
            if self.content_losses:
                parts.append(
                    f"its content is {self.content_loss:.0%} away from the content picture"
                )
            if self.style_losses:
                parts.append(f"its style {self.style_loss:.1%} away from the style")
            joined = " and ".join(parts)
            said.append(
                f"{joined[:1].upper()}{joined[1:]}, where 100% is a picture without any detail."
            )
        return (*said, *(note for note in self.notes if "taken back" in note))

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers for machines."""
        return {
            "settings": self.settings,
            "content_loss": self.content_loss,
            "style_loss": self.style_loss,
            "content_losses": self.content_losses,
            "style_losses": self.style_losses,
            "steps": self.history.height,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "history": self.history.to_dict(as_series=False),
        }

    def save(self, path: str | Path) -> Path:
        """Write the picture, whole or not at all: PNG, or what the ending says (JPEG, WebP).

        Raises:
            StudyError: If it can't be written.
            RecipeError: If no such kind of picture is known.
        """
        return write_picture(self.image, path)


KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF"}
"""Endings of pictures that can be written."""


def write_picture(image: UInt8[np.ndarray, "height width 3"], path: str | Path) -> Path:
    """Write a picture whole or not at all.

    Raises:
        StudyError: If it can't be written.
        RecipeError: If its ending is of no known kind.
    """
    from io import BytesIO

    from PIL import Image

    kind = picture_kind(path)
    file = BytesIO()
    Image.fromarray(image).save(file, kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}))
    return write_whole(path, file.getvalue())


def picture_kind(path: str | Path) -> str:
    """Return the kind of picture that a path's ending names.

    Raises:
        RecipeError: If there is none.

    >>> picture_kind("night.jpg")
    'JPEG'
    """
    from gradlab.errors import RecipeError

    ending = Path(path).suffix.lower()
    if ending not in KINDS:
        raise RecipeError(
            f"A picture's name ends in {', '.join(KINDS)}; got {str(path)!r}. Add one of them."
        )
    return KINDS[ending]
