"""Eigenfaces and what pictures look like with few of them."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from jaxtyping import Float, UInt8

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.metrics import psnr

if TYPE_CHECKING:
    from gradlab.lab.reduction.study import ReductionStudy

SHOWN_FACES = 12
SHOWN_PICTURES = 4
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
JUDGED = 200
"""Pictures over which the quality of reconstructions is averaged."""


def face_section(study: "ReductionStudy") -> report.Section:
    """Return the mean picture, the first eigenfaces, and reconstructions from more and more."""
    shape = study.inputs.image_shape
    assert shape is not None
    model = study.model
    axes = np.asarray(model.components_, np.float64)
    shares = np.asarray(model.contribution_)
    mean = np.asarray(model.mean_, np.float64)
    faces = [report.picture(_pixels(mean, shape), "mean", "The mean of all pictures")]
    for i, axis in enumerate(axes[:SHOWN_FACES]):
        label = f"{i + 1}: {shares[i]:.1%}"
        levels = report.grey_levels(axis.reshape(shape))
        faces.append(report.picture(levels, label, f"Eigenface {i + 1}"))
    steps = [step for step in STEPS if step <= len(axes)]
    scores = _scores(study)
    quality = _quality(study, scores, steps)
    galleries: list[report.Part] = [
        report.Gallery(
            "The mean picture, and the first eigenfaces with their share of the variance",
            tuple(faces),
            how_to_read=(
                "Every picture is the mean plus so much of each eigenface. Where an eigenface is "
                "light or dark, pictures differ; mid-grey stays as in the mean."
            ),
            column=96,
            pixelated=True,
        )
    ]
    picked = _picked(study)
    for row in picked:
        shown = [step for step in steps if step in (2, 10, 50, 200) or step == steps[-1]]
        pictures = [
            report.picture(_pixels(mean + scores[row, :step] @ axes[:step], shape), f"from {step}")
            for step in shown
        ]
        original = _pixels(study.inputs.x[row].astype(np.float64), shape)
        pictures.append(report.picture(original, "original"))
        galleries.append(
            report.Gallery(
                f"Picture {row + 1:,} from more and more eigenfaces",
                tuple(pictures),
                column=96,
                pixelated=True,
            )
        )
    galleries.append(
        report.Listing(
            "quality",
            page_parts.table("Quality of pictures from their first eigenfaces", quality),
            "PSNR measures how near a picture is to the original: from about 30 dB on the eye "
            "sees little difference.",
        )
    )
    return report.Section("Pictures", (), tuple(galleries))


def _scores(study: "ReductionStudy") -> Float[np.ndarray, "rows components"]:
    """Return all components of the rows that are judged or shown; others stay 0."""
    rows = np.union1d(_judged(study), _picked(study))
    scores = np.zeros((study.inputs.n_rows, len(study.model.components_)))
    scores[rows] = study.model.transform(study.inputs.x[rows])
    return scores


def _judged(study: "ReductionStudy") -> np.ndarray:
    n = study.inputs.n_rows
    return np.sort(np.random.default_rng(0).choice(n, min(n, JUDGED), replace=False))


def _picked(study: "ReductionStudy") -> np.ndarray:
    """Return a few pictures from all over the data."""
    n = study.inputs.n_rows
    return np.unique(np.linspace(0, n - 1, min(n, SHOWN_PICTURES)).astype(int))


def _quality(
    study: "ReductionStudy", scores: Float[np.ndarray, "rows components"], steps: list[int]
) -> pl.DataFrame:
    shape = study.inputs.image_shape
    assert shape is not None
    axes = np.asarray(study.model.components_, np.float64)
    mean = np.asarray(study.model.mean_, np.float64)
    rows = _judged(study)
    found = []
    for step in steps:
        rebuilt = mean + scores[rows, :step] @ axes[:step]
        near = [
            psnr(_pixels(study.inputs.x[row].astype(np.float64), shape), _pixels(picture, shape))
            for row, picture in zip(rows, rebuilt, strict=True)
        ]
        finite = [value for value in near if np.isfinite(value)]
        found.append(
            {
                "eigenfaces": step,
                "variance kept (%)": 100 * float(study.model.cumulative_[step - 1]),
                "PSNR (dB)": float(np.mean(finite)) if finite else None,
            }
        )
    return pl.DataFrame(found)


def _pixels(
    values: Float[np.ndarray, " pixels"], shape: tuple[int, ...]
) -> UInt8[np.ndarray, "height width channels"]:
    # The built-in digits have 17 grey levels, 0 to 16, and all others 256.
    return np.round(255 * np.clip(values.reshape(shape), 0, 1)).astype(np.uint8)
