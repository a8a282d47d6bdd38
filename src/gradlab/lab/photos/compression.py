"""One photograph compressed by its own principal components."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import report
from gradlab.errors import DataError, RecipeError
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis import page_parts
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.photos.reading import Photo, exact_note, number_of, quality_words, read_photos

if TYPE_CHECKING:
    import polars as pl

    from gradlab.decomposition.compression import Compression

PATCH = 8
USUAL_LINES = (1, 2, 5, 10, 20, 50, 100, 200)
USUAL_BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128)
GOOD = 30.0
"""Decibels from which the eye sees little difference."""


@dataclass(frozen=True, eq=False)
class CompressionStudy:
    """A photograph from few components.

    Attributes:
        photo: The photograph.
        lines: With each line of pixels as a row, as the course does.
        blocks: With each block of 8 x 8 pixels as a row.
        settings: What was asked for.
        command: That does it again.
        seconds: Time it took.
    """

    photo: Photo
    lines: "Compression"
    blocks: "Compression"
    settings: dict[str, Any]
    command: str
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        return (
            _enough(self.photo.name, self.lines.table, "lines"),
            _enough(self.photo.name, self.blocks.table, f"blocks of {PATCH} × {PATCH}"),
            "PSNR rises and size grows with every component; the curves show what each byte buys.",
        )

    def table(self) -> "pl.DataFrame":
        """Return a row for each way and number of components: bytes, ratio, PSNR, SSIM."""
        import polars as pl

        parts = {"lines": self.lines.table, f"blocks of {PATCH}": self.blocks.table}
        return pl.concat(
            [table.select(pl.lit(way).alias("rows"), pl.all()) for way, table in parts.items()]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "photo": self.photo.name,
            "command": self.command,
            "settings": self.settings,
            "table": self.table().to_dicts(),
            "sentences": list(self.sentences),
            "notes": list(self.photo.notes),
            "seconds": self.seconds,
        }

    def save(self, folder: str | Path) -> Path:
        """Write NAME-N.png, compression.csv, report.html and results.json into a folder."""
        folder = made_folder(folder)
        for n, pixels in self.lines.images().items():
            write_whole(folder / f"{self.photo.name}-{n}.png", report.png_of(pixels))
        write_whole(folder / "compression.csv", self.table().write_csv())
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        return report.write_page(_page(self), path)


def compression_study(
    source: str | Path,
    n_components: int | Sequence[int] | None = None,
    *,
    command: str = "",
) -> CompressionStudy:
    """Compress one photograph to several numbers of components, by lines and by blocks.

    Args:
        source: The picture.
        n_components: Numbers of components; by default 1 to 200.
        command: The command that does it again, for the report.

    Raises:
        DataError: If the picture can't be read or is too small.
        RecipeError: If a number of components makes no sense.
    """
    started = time.perf_counter()
    from gradlab.decomposition.compression import compress_image

    photos, _ = read_photos(source)
    if len(photos) != 1:
        raise DataError(f"{source} is a folder; compression takes one picture. Name the file.")
    photo = photos[0]
    height, width = photo.pixels.shape[:2]
    if min(height, width) < PATCH:
        raise DataError(
            f"{photo.name} has {width} x {height} pixels; compression needs {PATCH} x {PATCH}."
        )
    asked = (n_components,) if isinstance(n_components, int) else n_components
    if asked is not None and (not asked or min(asked) < 1):
        raise RecipeError(f"n_components counts components, from 1; got {n_components}.")
    most_lines = min(height, 3 * width)
    blocks = -(-height // PATCH) * -(-width // PATCH)
    most_blocks = min(blocks, 3 * PATCH**2)
    if asked is not None and max(asked) > most_lines:
        raise RecipeError(
            f"n_components is at most {most_lines} for {photo.name}; got {max(asked)}."
        )
    lines = [n for n in asked or USUAL_LINES if n <= most_lines]
    in_blocks = [n for n in asked or USUAL_BLOCKS if n <= most_blocks] or [most_blocks]
    return CompressionStudy(
        photo=photo,
        lines=compress_image(photo.pixels, sorted(set(lines))),
        blocks=compress_image(photo.pixels, sorted(set(in_blocks)), patch=PATCH),
        settings={"n_components": None if asked is None else list(asked)},
        command=command,
        seconds=time.perf_counter() - started,
    )


def _enough(name: str, table: "pl.DataFrame", way: str) -> str:
    good = table.filter(table["psnr"] >= GOOD)
    if good.height:
        row = good.row(0, named=True)
        return (
            f"By {way}, {name} reaches {quality_words(row['psnr'])} with "
            f"{number_of(row['components'], 'component')}, in "
            f"{row['bytes'] / 1000:,.0f} kB: {row['ratio']:.1f} times fewer bytes than pixels."
        )
    row = table.row(-1, named=True)
    return (
        f"By {way}, {name} reaches {quality_words(row['psnr'])} with the "
        f"{number_of(row['components'], 'component')} tried; "
        f"from {GOOD:.0f} dB on the eye would see little difference."
    )


def _page(study: CompressionStudy) -> report.PageContents:
    from gradlab.plots.compression import compression_figure

    photo = study.photo
    height, width = photo.pixels.shape[:2]
    ways = {"lines": study.lines, f"blocks of {PATCH}": study.blocks}
    figure = compression_figure({way: found.table for way, found in ways.items()})
    table = study.table()
    note = exact_note(table["psnr"])
    galleries: list[report.Part] = []
    for way, found in ways.items():
        pictures = [
            report.picture(pixels, f"{n}: {_told(found.table, n)}", f"{photo.name} from {n}")
            for n, pixels in found.images().items()
        ]
        pictures.append(report.picture(photo.pixels, "original", f"The photograph {photo.name}"))
        galleries.append(
            report.Gallery(
                f"Rebuilt from its first components, {way}: number, size, PSNR",
                tuple(pictures),
                column=240,
            )
        )
    return page_parts.contents(
        title=f"{photo.name} from few components",
        kicker="Compression",
        question="How few principal components does a photograph need?",
        facts=(("Photograph", photo.name), ("Size", f"{width} × {height} pixels")),
        answer=study.sentences,
        sections=(
            report.Section(
                "Quality against size",
                (),
                (
                    report.plot(
                        "quality",
                        figure,
                        title="PSNR and SSIM over the bytes stored",
                        description="Lines of PSNR and SSIM over kilobytes, one for each way.",
                        how_to_read=(
                            "The higher at the same size, the better. Blocks beat lines where "
                            "near pixels are alike in both directions."
                        ),
                        wide=True,
                    ),
                    report.Listing("table", page_parts.table("Compression", table), note),
                ),
            ),
            report.Section("Pictures", (), tuple(galleries)),
        ),
        method=(
            report.MethodItem(
                "Compression",
                "Stored are the first components, the codes of every row in them, and the mean, "
                "as 16-bit numbers; the picture is rebuilt from these alone.",
            ),
            report.MethodItem("Time", f"{study.seconds:.1f} s"),
        ),
        notes=photo.notes,
        files=(
            (f"{photo.name}-N.png", "Rebuilt from N components, by lines"),
            ("compression.csv", "The table"),
            ("results.json", "All results, for machines"),
        ),
        command=study.command,
    )


def _told(table: "pl.DataFrame", n: int) -> str:
    row = table.filter(table["components"] == n).row(0, named=True)
    return f"{row['bytes'] / 1000:,.0f} kB, {quality_words(row['psnr'])}"
