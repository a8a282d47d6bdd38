"""One picture in many styles: sweeps of weights, layers and paintings, side by side."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from gradlab import report
from gradlab.errors import RecipeError, unknown
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.styling.contact_sheet import grid_of, labelled
from gradlab.lab.styling.words import file_name, short, written
from gradlab.style.feature_networks import feature_network
from gradlab.style.job import Stand
from gradlab.style.pictures import Picture, as_picture, eight_bits, fitted, resized
from gradlab.style.result import StyledPicture
from gradlab.style.transfer import transfer_style

VARIED = {
    "content_weight": float,
    "style_weight": float,
    "total_variation": float,
    "style_scale": float,
    "beta": float,
    "steps": int,
    "content_layers": str,
    "style_layers": str,
    "start": str,
    "optimizer": str,
    "colours": str,
    "style": str,
}
"""What a sweep may vary, and of which type its values are; several layers are joined by +."""

MOST = 64
"""Pictures of one sweep at most."""


@dataclass(frozen=True, eq=False)
class StyleStudy:
    """Pictures of one content, over one or two settings.

    Attributes:
        content: The content picture, 8 bits, at the size of the results.
        styles: Style pictures by name, the same.
        axes: Setting -> its values; rows, then columns.
        results: One for each combination, columns fastest.
        settings: What all share.
        notes: What was decided.
        command: That does it again.
        seconds: Time it took.
    """

    content: UInt8[np.ndarray, "_ _ 3"]
    styles: dict[str, UInt8[np.ndarray, "_ _ 3"]]
    axes: dict[str, tuple[Any, ...]]
    results: tuple[StyledPicture, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...]
    command: str
    seconds: float

    @property
    def labels(self) -> tuple[str, ...]:
        """Words for each result: what was varied."""
        products = itertools.product(*self.axes.values())
        return tuple(
            ", ".join(
                f"{short(name)} {written(value)}"
                for name, value in zip(self.axes, values, strict=True)
            )
            for values in products
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        said = []
        for axis, (name, values) in enumerate(self.axes.items()):
            if len(values) < 2 or name == "style":  # other paintings, other losses
                continue
            parts = [
                f"{words} goes from {means[0]:.3g} to {means[-1]:.3g}"
                for words, means in self._compared(axis, name)
            ]
            first, last = written(values[0]), written(values[-1])
            said.append(f"From {short(name)} {first} to {last} {' and '.join(parts)}.")
        return (
            *said,
            (
                f"{len(self.results)} pictures were made in {self.seconds:.0f} s; which of them "
                "looks right only the eye can tell."
            ),
        )

    def _compared(self, axis: int, name: str) -> list[tuple[str, np.ndarray]]:
        """Return what can be compared along an axis; losses of different layers can't."""
        height, width = self.results[0].image.shape[:2]
        content = resized(self.content / np.float32(255), (height, width))
        measures = {
            "the distance from the content picture (1 is from black to white)": [
                float(np.sqrt(np.mean((one.image / 255 - content) ** 2))) for one in self.results
            ],
            "the loss of content": [one.content_loss for one in self.results],
            "the loss of style": [one.style_loss for one in self.results],
        }
        left_out = {"content_layers": "the loss of content", "style_layers": "the loss of style"}
        grid = [len(values) for values in self.axes.values()]
        others = tuple(i for i in range(len(grid)) if i != axis)
        return [
            (words, np.reshape(numbers, grid).mean(axis=others))
            for words, numbers in measures.items()
            if words != left_out.get(name)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "command": self.command,
            "settings": self.settings,
            "axes": {name: list(values) for name, values in self.axes.items()},
            "pictures": [
                {"label": label, "file": f"{file_name(i, label)}.png", **result.to_dict()}
                for i, (label, result) in enumerate(zip(self.labels, self.results, strict=True))
            ],
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def sheet(self) -> UInt8[np.ndarray, "height width 3"]:
        """Return the pictures in rows and columns, on white, each under its words."""
        columns = len(list(self.axes.values())[-1])
        names = [name.replace("_", " ") for name in self.axes]  # the sheet's font has no Greek
        words = [
            ", ".join(f"{name} {written(value)}" for name, value in zip(names, values, strict=True))
            for values in itertools.product(*self.axes.values())
        ]
        shown = zip(self.results, words, strict=True)
        return grid_of([labelled(one.image, text) for one, text in shown], columns)

    def save(self, folder: str | Path) -> Path:
        """Write every picture, sheet.png, report.html and results.json into a folder."""
        folder = made_folder(folder)
        for i, (label, result) in enumerate(zip(self.labels, self.results, strict=True)):
            write_whole(folder / f"{file_name(i, label)}.png", report.png_of(result.image))
        write_whole(folder / "sheet.png", report.png_of(self.sheet()))
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.styling.page import page_of

        return report.write_page(page_of(self), path)


def style_study(
    content: Any,
    styles: Any,
    vary: Mapping[str, Sequence[Any]],
    *,
    network: Any = None,
    size: int = 256,
    command: str = "",
    progress: Callable[[int, int, Stand], None] | None = None,
    **options: Any,
) -> StyleStudy:
    """Make one picture once for every combination of one or two settings.

    Args:
        content: As in `transfer_style`.
        styles: The same; with "style" varied, one after another instead of blended.
        vary: Setting -> values, see `VARIED`; {"style": []} takes the pictures of `styles`.
        network: As in `transfer_style`.
        size: Longer side of the pictures.
        command: The command that does it again, for the report.
        progress: Called with the number of the picture, how many there are, and its stand.
        options: Other arguments of `transfer_style`, the same for all pictures.

    Raises:
        DataError: As `transfer_style`.
        RecipeError: The same; also if a setting can't be varied, or there are too many.
    """
    started = time.perf_counter()
    several = list(styles) if isinstance(styles, (list, tuple)) else [styles]
    photo = as_picture(content, "the content picture")
    painted = _named([as_picture(style, "the style picture") for style in several])
    axes = _axes(vary, painted)
    found = feature_network(network, convention=options.pop("convention", None))
    products = list(itertools.product(*axes.values()))
    results = []
    for i, values in enumerate(products):
        chosen = dict(zip(axes, values, strict=True))
        style: Any = painted
        if "style" in chosen:
            name = chosen.pop("style")
            style = next(one for one in painted if one.name == name)
        for layers in ("content_layers", "style_layers"):
            if layers in chosen:
                chosen[layers] = chosen[layers].split("+")

        def tell(stand: Stand, i: int = i) -> None:
            if progress is not None:
                progress(i, len(products), stand)

        results.append(
            transfer_style(
                photo, style, network=found, size=size, progress=tell, **{**options, **chosen}
            )
        )
    notes = dict.fromkeys(note for result in results for note in result.notes)
    return StyleStudy(
        content=_small(photo, size),
        styles={one.name: _small(one, size) for one in painted},
        axes=axes,
        results=tuple(results),
        settings={**results[0].settings, **dict.fromkeys(axes, "varied")},
        notes=tuple(notes),
        command=command,
        seconds=time.perf_counter() - started,
    )


def _named(pictures: list[Picture]) -> list[Picture]:
    """Return pictures that no longer share names: arrays have none, folders may hold the same."""
    named: list[Picture] = []
    for picture in pictures:
        n = sum(one.name == picture.name for one in pictures[: len(named)])
        named.append(replace(picture, name=f"{picture.name} {n + 1}") if n else picture)
    return named


def _axes(vary: Mapping[str, Sequence[Any]], styles: list[Picture]) -> dict[str, tuple[Any, ...]]:
    if not 1 <= len(vary) <= 2:
        raise RecipeError(
            "A contact sheet has one or two settings varied, its rows and columns; got "
            f"{len(vary)}."
        )
    axes = {}
    for name, values in vary.items():
        if name not in VARIED:
            raise RecipeError(unknown("setting to vary", name, VARIED))
        if name == "style" and not values:
            values = [style.name for style in styles]
        if not values:
            raise RecipeError(f"{name} has no value to vary; name one at least.")
        axes[name] = tuple(_of_type(name, value) for value in values)
    if "style" in axes:
        for name in axes["style"]:
            if name not in [style.name for style in styles]:
                known = [style.name for style in styles]
                raise RecipeError(unknown("style picture", name, known))
    n = int(np.prod([len(values) for values in axes.values()]))
    if n > MOST:
        raise RecipeError(f"A sweep makes {MOST} pictures at most; got {n}. Vary fewer values.")
    return axes


def _of_type(name: str, value: Any) -> Any:
    wanted = VARIED[name]
    if name.endswith("_layers") and isinstance(value, (list, tuple)):
        return "+".join(map(str, value))
    try:
        return wanted(value)
    except (TypeError, ValueError) as error:
        kind = {float: "numbers", int: "whole numbers", str: "words"}[wanted]
        raise RecipeError(f"{name} takes {kind}; got {value!r}.") from error


def _small(picture: Picture, size: int) -> np.ndarray:
    longest = min(size, max(picture.pixels.shape[:2]))
    return eight_bits(resized(picture.pixels, fitted(picture.pixels.shape, longest)))
