"""What a generative model made of data: samples, measures, rankings, and what they say."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.files import made_folder
from gradlab.generative.gan.base import Adversarial
from gradlab.generative.gan.population import TrainedPair
from gradlab.generative.neighbours import Neighbours
from gradlab.lab.generation.models import SPOKEN
from gradlab.lab.generation.reading import Source
from gradlab.lab.verdicts import AxisRanking

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class GenerationRun:
    """One GAN of a study.

    Attributes:
        settings: Those that differ from the base, by name.
        seed: Of the run.
        pair: What came of it.
        frechet: Of its samples from the data, smaller is better; for a run that diverged that of
            the untrained generator.
    """

    settings: dict[str, Any]
    seed: int
    pair: TrainedPair
    frechet: float


@dataclass(frozen=True, eq=False)
class GenerationStudy:
    """What a generative model made of data.

    Attributes:
        source: The data.
        model: Name of the model.
        fitted: The model that samples were taken of: the best setting's first run.
        chosen: What differs in it from the base.
        runs: All runs, of GANs; empty of other models.
        rankings: One for each setting that was varied, best level first.
        samples: Generated rows.
        sample_seed: Of these.
        neighbours: The nearest row of the data to each.
        diversity: Mean distance of two samples by that of two rows.
        data_frechet: Fréchet distance of rows of the data from other rows of it, which samples can
            hope for; None of other models than GANs, and of few rows.
        diagnosis: What `diagnose` said of the chosen GAN; None of other models.
        settings: What was asked for.
        stopped: Whether Ctrl-C ended it early.
        command: That does it again; "" if the data came from memory.
        seconds: It took.
    """

    source: Source
    model: str
    fitted: Any
    chosen: dict[str, Any]
    runs: tuple[GenerationRun, ...]
    rankings: tuple[AxisRanking, ...]
    samples: np.ndarray
    sample_seed: int
    neighbours: Neighbours
    diversity: float
    data_frechet: float | None
    diagnosis: Any | None
    settings: dict[str, Any]
    stopped: bool
    command: str
    seconds: float

    @property
    def adversarial(self) -> bool:
        """Whether the model is a GAN."""
        return isinstance(self.fitted, Adversarial)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        return (self.headline, *self._comparison, self.about_copies, *self._troubles)

    @property
    def headline(self) -> str:
        """How like the data the samples are."""
        spread = self.diversity
        how = (
            "as varied as the data" if 0.9 <= spread <= 1.1
            else "about as varied as the data" if 0.75 <= spread <= 1.3
            else "less varied than the data" if spread < 0.75
            else "more scattered than the data"
        )  # fmt: skip
        said = (
            f"{len(self.samples):,} samples of {self.source.name} by {SPOKEN[self.model]}: {how} "
        )
        said += f"({spread:.2f} of its mean distance between two rows)"
        if self.adversarial:
            coverage = self.fitted.trained_.last("coverage")
            frechet = self.fitted.trained_.last("frechet")
            if np.isfinite(coverage):
                said += f", {coverage:.0%} of its modes reached, Fréchet distance {frechet:.3g}"
            if self.data_frechet is not None:
                said += f" (of other rows of the data: {self.data_frechet:.2g})"
        return said + "."

    @property
    def about_copies(self) -> str:
        """Whether the model repeats what it saw."""
        copies, ratio = int(self.neighbours.is_copy.sum()), float(np.median(self.neighbours.ratio))
        if copies:
            return (
                f"{copies} of {len(self.samples)} samples are copies of rows it was trained on: "
                "the model memorises."
            )
        return (
            "None of the samples is a copy: half of them lie more than "
            f"{ratio:.1f} times as far from the nearest row as rows of the data usually do."
        )

    @property
    def _comparison(self) -> tuple[str, ...]:
        return tuple(ranking.sentences[0] for ranking in self.rankings)

    @property
    def _troubles(self) -> tuple[str, ...]:
        diverged = [run for run in self.runs if run.pair.status == "diverged"]
        said = []
        if diverged:
            said.append(f"{len(diverged)} of {len(self.runs)} runs diverged.")
        if self.stopped:
            said.append("Stopped early: this is what was trained until then.")
        if self.diagnosis is not None:
            said += [f"{finding.symptom} {finding.why}" for finding in self.diagnosis.findings]
        return tuple(said)

    def runs_table(self) -> "pl.DataFrame":
        """Return a row a run: settings, seed, status, epochs and measures."""
        import polars as pl

        names = sorted({name for run in self.runs for name in run.settings})
        rows = [
            {
                "run": i + 1,
                **{name: level_text(run.settings.get(name, "base")) for name in names},
                "seed": run.seed,
                "status": run.pair.status,
                "epochs": run.pair.epochs,
                "frechet": run.frechet,
                "diversity": run.pair.last("diversity"),
                "coverage": run.pair.last("coverage"),
                "d_real": run.pair.last("d_real"),
                "d_fake": run.pair.last("d_fake"),
                "seconds": run.pair.seconds,
            }
            for i, run in enumerate(self.runs)
        ]
        return pl.DataFrame(rows)

    def history_table(self) -> "pl.DataFrame":
        """Return the histories of all runs under each other."""
        import polars as pl

        frames = [
            run.pair.history.select(pl.lit(i + 1).alias("run"), pl.all())
            for i, run in enumerate(self.runs)
        ]
        return pl.concat(frames) if frames else pl.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "data": self.source.name,
            "rows": len(self.source.rows),
            "row_shape": list(self.source.rows.shape[1:]),
            "command": self.command,
            "model": self.model,
            "settings": self.settings,
            "chosen": {name: level_text(value) for name, value in self.chosen.items()},
            "samples": len(self.samples),
            "sample_seed": self.sample_seed,
            "diversity": self.diversity,
            "frechet_of_data": self.data_frechet,
            "copies": int(self.neighbours.is_copy.sum()),
            "nearest": [
                {"row": int(row), "distance": float(distance), "ratio": float(ratio)}
                for row, distance, ratio in zip(
                    self.neighbours.index, self.neighbours.distance, self.neighbours.ratio,
                    strict=True,
                )
            ],
            "runs": self.runs_table().to_dicts() if self.runs else [],
            "rankings": [
                {
                    "setting": ranking.axis,
                    "levels": [
                        {"level": row.level, "mean": row.mean, "verdict": row.verdict}
                        for row in ranking.rows
                    ],
                    "sentences": list(ranking.sentences),
                }
                for ranking in self.rankings
            ],
            "findings": [] if self.diagnosis is None else [
                {"rule": one.rule, "symptom": one.symptom, "confidence": one.confidence,
                 "evidence": one.evidence}
                for one in self.diagnosis.findings
            ],
            "stopped": self.stopped,
            "sentences": list(self.sentences),
            "notes": list(self.source.notes),
            "seconds": self.seconds,
        }  # fmt: skip

    def save(self, folder: str | Path) -> Path:
        """Write samples, pictures, model, history, report and results into a folder."""
        from gradlab.lab.generation.files import write_files

        return write_files(self, made_folder(folder))

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.generation.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def level_text(value: Any) -> str:
    """Return how a level is written, as 0.001 or minimax."""
    return f"{value:g}" if isinstance(value, float) else str(value)
