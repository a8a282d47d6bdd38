"""The files of a study of generation."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from gradlab.files import write_whole
from gradlab.generative.interpolation import interpolate
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.generation.models import flat
from gradlab.lab.generation.sheets import film, pairs_sheet, png, sheet

if TYPE_CHECKING:
    from gradlab.lab.generation.study import GenerationStudy

SHOWN = 100
NEIGHBOURS = 20
WAY, FILM = 10, 24
"""Pictures of an interpolation strip, and frames of the film."""

WAYS = 4


def write_files(study: "GenerationStudy", folder: Path) -> Path:
    """Write everything that a study has into an existing folder."""
    if study.source.pictures:
        _write_pictures(study, folder)
    else:
        write_table(study.samples, study.source.names, folder)
    about = {"names": study.source.names, "row_shape": study.source.rows.shape[1:]}
    study.fitted.save(folder / "model.safetensors", about=about)
    if study.adversarial:
        write_whole(folder / "history.csv", study.history_table().write_csv())
        write_whole(folder / "runs.csv", study.runs_table().write_csv())
    study.report(folder / "report.html")
    write_results(folder, study.to_dict())
    return folder


def write_table(samples: np.ndarray, names: tuple[str, ...], folder: Path) -> None:
    """Write samples.parquet and samples.csv."""
    columns = names or tuple(f"x{i}" for i in range(samples.shape[1]))
    frame = pl.DataFrame(dict(zip(columns, samples.reshape(len(samples), -1).T, strict=True)))
    file = BytesIO()
    frame.write_parquet(file)
    write_whole(folder / "samples.parquet", file.getvalue())
    write_whole(folder / "samples.csv", frame.write_csv())


def write_samples(samples: np.ndarray, folder: Path) -> None:
    """Write samples.png and samples.npy of pictures."""
    write_whole(folder / "samples.png", png(sheet(samples[:SHOWN])))
    file = BytesIO()
    np.save(file, np.asarray(samples, np.float32), allow_pickle=False)
    write_whole(folder / "samples.npy", file.getvalue())


def _write_pictures(study: "GenerationStudy", folder: Path) -> None:
    write_samples(study.samples, folder)
    write_whole(folder / "neighbours.png", png(pairs_sheet(*shown_pairs(study))))
    if not study.adversarial:
        return
    ways = interpolations(study.fitted, WAY)
    strip = np.concatenate(list(ways.values()))
    write_whole(folder / "interpolation.png", png(sheet(strip, columns=WAY)))
    write_whole(folder / "interpolation.gif", film(film_frames(study.fitted)))


def shown_pairs(study: "GenerationStudy", n: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Return the first samples and the nearest row of the data to each."""
    shape = study.source.rows.shape[1:]
    nearest = flat(study.source)[study.neighbours.index[:n]].reshape(-1, *shape)
    return study.samples[:n], nearest


def interpolations(gan: Any, n: int) -> dict[str, Float[np.ndarray, "n height width channels"]]:
    """Return what lies between pairs of noises, on straight ways and on arcs."""
    noise = gan.noise(WAYS, seed=1)
    found = {}
    for pair in range(WAYS // 2):
        start, end = noise[2 * pair], noise[2 * pair + 1]
        for path in ("linear", "spherical"):
            found[f"{path} {pair + 1}"] = gan.generate(interpolate(start, end, n, path))
    return found


def film_frames(gan: Any) -> Float[np.ndarray, "frames n height width channels"]:
    """Return the frames of several ways at once."""
    noise = gan.noise(2 * WAYS, seed=2)
    ways = [
        gan.generate(interpolate(noise[2 * i], noise[2 * i + 1], FILM, "spherical"))
        for i in range(WAYS)
    ]
    return np.stack(ways, axis=1)
