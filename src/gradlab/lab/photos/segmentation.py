"""Photographs in a few colours: segmented, written as pictures, and reported."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from gradlab import report
from gradlab.errors import RecipeError
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis import page_parts
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.clustering.choosing import check_effort
from gradlab.lab.photos.reading import Photo, exact_note, number_of, quality_words, read_photos
from gradlab.report.numbers import count

if TYPE_CHECKING:
    from gradlab.cluster.segmentation import Segmentation

USUAL_COLOURS = (2, 3, 10)
"""The numbers of colours that the course shows."""

GAP = 12
"""White pixels between pictures side by side."""


@dataclass(frozen=True, eq=False)
class SegmentationStudy:
    """Photographs and what they look like in a few colours.

    Attributes:
        photos: As they were read.
        segmentations: One for each photograph.
        ks: Numbers of colours.
        settings: What was asked for.
        notes: What was decided.
        command: That does it again.
        seconds: Time it took.
    """

    photos: list[Photo]
    segmentations: "list[Segmentation]"
    ks: tuple[int, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...]
    command: str
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        said = []
        for photo, found in zip(self.photos, self.segmentations, strict=True):
            with_k = [number_of(self.ks[0], "colour"), *map(str, self.ks[1:])]
            quality = [
                f"{quality_words(found.psnr[k])} with {words}"
                for k, words in zip(self.ks, with_k, strict=True)
            ]
            said.append(
                f"Against the original, {photo.name} in few colours reaches {_join(quality)} "
                f"({number_of(found.n_different, 'colour')} in all)."
            )
        said.append(
            "More decibels are nearer; from about 30 dB on the eye sees little difference. "
            "Few colours part a picture into its areas, which is what a segmentation is for."
        )
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "command": self.command,
            "settings": self.settings,
            "photos": [
                {
                    "name": photo.name,
                    "height": photo.pixels.shape[0],
                    "width": photo.pixels.shape[1],
                    "colours": found.n_different,
                    "segmentations": [
                        {
                            "k": k,
                            "distortion": found.distortions[k],
                            "psnr": found.psnr[k],
                            "palette": found.palettes[k],
                            "pixels": found.counts[k],
                        }
                        for k in self.ks
                    ],
                }
                for photo, found in zip(self.photos, self.segmentations, strict=True)
            ],
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def save(self, folder: str | Path) -> Path:
        """Write NAME-kK.png, NAME-segments.png, report.html and results.json into a folder."""
        folder = made_folder(folder)
        for photo, found in zip(self.photos, self.segmentations, strict=True):
            for k in self.ks:
                path = folder / f"{photo.name}-k{k}.png"
                write_whole(path, report.png_of(found.images[k]))
            row = side_by_side([photo.pixels, *(found.images[k] for k in self.ks)])
            write_whole(folder / f"{photo.name}-segments.png", report.png_of(row))
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        return report.write_page(_page(self), path)


def segmentation_study(
    source: str | Path,
    k: int | Sequence[int] | None = None,
    *,
    restarts: int = 4,
    seed: int = 0,
    command: str = "",
) -> SegmentationStudy:
    """Draw photographs with few colours, the means of groups of like pixels.

    Args:
        source: A picture, or a folder with pictures in it.
        k: Numbers of colours, 30 at most; 2, 3 and 10 by default.
        restarts: Starts of k-means, of which the best is kept; 1,000 at most.
        seed: Of the starts.
        command: The command that does it again, for the report.

    Raises:
        DataError: If a picture can't be read.
        RecipeError: If a setting makes no sense.
    """
    started = time.perf_counter()
    from gradlab.cluster.segmentation import segment_colours

    ks = USUAL_COLOURS if k is None else (k,) if isinstance(k, int) else tuple(sorted(set(k)))
    if not ks or min(ks) < 1 or max(ks) > 256:
        raise RecipeError(f"k counts colours, from 1 to 256; got {k}.")
    check_effort(ks, restarts)
    photos, notes = read_photos(source)
    for photo in photos:
        notes += [f"Pictures such as {photo.name} {said}." for said in photo.notes]
    found = [
        segment_colours(photo.pixels, ks, n_init=restarts, random_state=seed) for photo in photos
    ]
    return SegmentationStudy(
        photos=photos,
        segmentations=found,
        ks=ks,
        settings={"k": list(ks), "restarts": restarts, "seed": seed},
        notes=tuple(notes),
        command=command,
        seconds=time.perf_counter() - started,
    )


def side_by_side(
    pictures: Sequence[UInt8[np.ndarray, "height width 3"]],
) -> UInt8[np.ndarray, "height widths 3"]:
    """Return pictures of one size in a row, on white.

    >>> black = np.zeros((2, 3, 3), np.uint8)
    >>> side_by_side([black, black]).shape
    (2, 18, 3)
    """
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(parts, axis=1)


def _join(words: list[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def _page(study: SegmentationStudy) -> report.PageContents:
    many = len(study.photos) > 1
    name = count(len(study.photos), "photo") if many else study.photos[0].name
    best = study.segmentations[0].psnr[study.ks[-1]]
    return page_parts.contents(
        title=f"{name} in few colours",
        kicker="Segmentation by colour",
        question="What is left of a photograph when k-means leaves it only a few colours?",
        facts=(
            ("Photographs", ", ".join(photo.name for photo in study.photos[:8])),
            ("Colours", ", ".join(map(str, study.ks))),
            ("Method", "k-means of pixels, red, green and blue"),
        ),
        answer=study.sentences if len(study.sentences) < 8 else study.sentences[-1:],
        card=None if many else report.Card(
            f"With {number_of(study.ks[-1], 'colour')}", quality_words(best),
            "PSNR against the original",
        ),
        sections=tuple(
            _section(photo, found, study.ks)
            for photo, found in zip(study.photos, study.segmentations, strict=True)
        ),
        method=(
            report.MethodItem(
                "Colours",
                f"k-means with {study.settings['restarts']} k-means++ starts for each K; equal "
                "colours count as often as they have pixels, where they stand does not count.",
            ),
            report.MethodItem(
                "Distortion", "Mean squared distance of a pixel to its colour, 0 to 255 a channel."
            ),
            report.MethodItem("Time", f"{study.seconds:.1f} s"),
        ),
        notes=study.notes,
        files=(
            ("NAME-kK.png", "The photograph in K colours, at its own size"),
            ("NAME-segments.png", "The original and all of these in a row"),
            ("results.json", "Palettes and all numbers, for machines"),
        ),
        command=study.command,
    )  # fmt: skip


def _section(photo: Photo, found: "Segmentation", ks: tuple[int, ...]) -> report.Section:
    height, width = photo.pixels.shape[:2]
    pictures = [report.picture(photo.pixels, "original", f"The photograph {photo.name}")]
    strips = []
    for k in ks:
        colours = number_of(len(found.palettes[k]), "colour")
        label = f"{colours}, {quality_words(found.psnr[k])}"
        pictures.append(report.picture(found.images[k], label, f"{photo.name} in {colours}"))
        strip = palette_strip(found.palettes[k], found.counts[k])
        strips.append(report.picture(strip, f"K = {k}", f"The {colours}"))
    table = report.Table(
        "Quality by number of colours",
        ("K", "colours", "distortion", "PSNR (dB)"),
        [
            (k, len(found.palettes[k]), float(found.distortions[k]), float(found.psnr[k]))
            for k in ks
        ],
    )
    return report.Section(
        photo.name,
        (),
        (
            report.Gallery(
                f"The photograph ({width} × {height} pixels) and what few colours leave of it",
                tuple(pictures),
                how_to_read=(
                    "Areas of one colour are what k-means takes for alike. Light and shade part "
                    "an object where its colour does not."
                ),
                column=220,
            ),
            report.Gallery(
                "The colours, dark to light, as wide as their share of the pixels",
                tuple(strips),
                column=220,
                pixelated=True,
            ),
            report.Listing("quality", table, exact_note(found.psnr.values())),
        ),
    )


def palette_strip(
    palette: UInt8[np.ndarray, "colours channels"], counts: np.ndarray
) -> UInt8[np.ndarray, "height width channels"]:
    """Return a strip of a palette's colours, each as wide as its share, but none invisible."""
    shares = np.maximum(counts / counts.sum(), 0.01)
    widths = np.maximum(1, np.round(300 * shares / shares.sum())).astype(int)
    return np.repeat(np.repeat(palette, widths, axis=0)[None], 24, axis=0)
