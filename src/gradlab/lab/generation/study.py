"""Train a generative model on data, or several of unlike settings and seeds, and judge them."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.data.images import ImageSize
from gradlab.errors import RecipeError
from gradlab.generative.gan.base import Adversarial, make_yardstick
from gradlab.generative.gan.population import Listener, Stopped, TrainedPair, train_population
from gradlab.generative.gan.rows import read_rows
from gradlab.generative.measures.diversity import diversity
from gradlab.generative.neighbours import Neighbours, nearest_neighbours
from gradlab.lab.generation.models import ADVERSARIAL, SPOKEN, build, flat, model_for
from gradlab.lab.generation.reading import Source, read_source
from gradlab.lab.statistics import rank_axis
from gradlab.lab.verdicts import AxisRanking

if TYPE_CHECKING:
    import polars as pl

MOST_RUNS = 200
SAME = 0.02
"""A difference of Fréchet distances below this share of their median does not matter."""

SCORE = "Fréchet distance"


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
            "None of the samples is a copy: they lie "
            f"{ratio:.2g} times as far from the nearest row as rows lie from each other."
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
                **{name: _text(run.settings.get(name, "base")) for name in names},
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
            "chosen": {name: _text(value) for name, value in self.chosen.items()},
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
        """Write samples, pictures, model, history, report and results into an existing folder."""
        from gradlab.lab.generation.files import write_files

        return write_files(self, Path(folder))

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.generation.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def generate_study(
    data: Any,
    vary: Mapping[str, Sequence[Any]] | None = None,
    *,
    model: str = "auto",
    settings: Mapping[str, Any] | None = None,
    seeds: int = 1,
    samples: int = 64,
    seed: int = 0,
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    header: bool | None = None,
    image_size: ImageSize | None = None,
    listener: Listener | None = None,
    command: str = "",
    diagnose: Callable[[TrainedPair], Any] | None = None,
) -> GenerationStudy:
    """Learn the distribution of data, sample it, and say how good the samples are.

    With `vary` or several seeds, GANs are trained as a population: for each setting its levels
    around the base, each level with the same seeds, ranked by Fréchet distance.

    Args:
        data: Name of a built-in set, path, frame, array, (X, y), or folder of pictures.
        vary: Setting -> levels, e.g. {"learning_rate": [1e-4, 1e-3], "loss": ["minimax",
            "non_saturating"]}; GANs only.
        model: "gan", "dcgan", "mixture", "naive_bayes", "boltzmann"; "auto" takes dcgan for
            pictures, else gan.
        settings: Of the model, e.g. {"epochs": 50}.
        seeds: Runs of each level, seeds 0, 1, …
        samples: Rows to generate.
        seed: Of the samples.
        target, drop, header, image_size: See `load_unlabelled`.
        listener: Told of the progress.
        command: The command that does it again, for the report.
        diagnose: What looks for faults of the chosen GAN, as does
            `gradlab.doctor.adversarial.diagnose_gan`; None looks for none.

    Raises:
        DataError: If the data can't be read or learnt from.
        RecipeError: If a setting makes no sense.

    >>> study = generate_study("iris", model="mixture", settings={"n_components": 3}, samples=5)
    >>> study.samples.shape
    (5, 4)
    """
    begun = time.perf_counter()
    axes = {name: tuple(levels) for name, levels in (vary or {}).items()}
    _check(axes, seeds, samples)
    source = read_source(data, target=target, drop=drop, header=header, image_size=image_size)
    name = model_for(source, model)
    base = dict(settings or {})
    asked = {"model": name, "seeds": seeds, "vary": {k: list(v) for k, v in axes.items()}, **base}
    if name in ADVERSARIAL:
        fitted, runs, stopped, data_frechet = _adversarial(
            source, name, base, axes, seeds, listener
        )
        rankings = _rankings(axes, runs, seeds)
        chosen = _best(runs)
        kept = runs[chosen]
        fitted._keep(kept.pair, read_rows(source.rows)[1])
        made = fitted.sample(samples, seed=seed)
        diagnosis = None if diagnose is None else diagnose(kept.pair)
    else:
        if axes or seeds > 1:
            raise RecipeError(
                f"vary and seeds compare GANs; {name} is fitted once. Leave them out."
            )
        fitted, runs, rankings, stopped, diagnosis = build(name, base), (), (), False, None
        data_frechet = None
        fitted.fit(flat(source), source.labels)
        made = np.asarray(fitted.sample(samples, seed=seed)).reshape(samples, -1)
        if source.pictures:
            made = np.clip(made.reshape(samples, *source.rows.shape[1:]), 0, 1)
        kept = None
    return GenerationStudy(
        source=source,
        model=name,
        fitted=fitted,
        chosen=dict(kept.settings) if kept else {},
        runs=runs,
        rankings=rankings,
        samples=made,
        sample_seed=seed,
        neighbours=nearest_neighbours(made.reshape(samples, -1), flat(source)),
        diversity=diversity(made.reshape(samples, -1), flat(source)) if samples > 1 else 1.0,
        data_frechet=data_frechet,
        diagnosis=diagnosis,
        settings=asked,
        stopped=stopped,
        command=command,
        seconds=time.perf_counter() - begun,
    )


def _check(axes: Mapping[str, tuple], seeds: int, samples: int) -> None:
    for name, count, most in (("seeds", seeds, MOST_RUNS), ("samples", samples, 100_000)):
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
            raise RecipeError(f"{name} is a whole number from 1 to {most:,}; got {count!r}.")
    for name, levels in axes.items():
        if len(levels) < 2:
            raise RecipeError(
                f"vary compares at least two levels; {name} has {len(levels)}. Give more, or set "
                "it for all runs."
            )
        if len(set(map(str, levels))) < len(levels):
            raise RecipeError(f"A level of {name} is there twice: {', '.join(map(str, levels))}.")
    n = max(1, sum(len(levels) for levels in axes.values())) * seeds
    if n > MOST_RUNS:
        raise RecipeError(f"A study trains at most {MOST_RUNS} GANs; this one asks for {n}.")


def _adversarial(
    source: Source,
    name: str,
    base: dict[str, Any],
    axes: Mapping[str, tuple],
    seeds: int,
    listener: Listener | None,
) -> tuple[Any, tuple[GenerationRun, ...], bool, float | None]:
    """Train every cell with every seed.

    Returns:
        An unfitted model of the best cell, the runs, whether they were stopped, and the Fréchet
        distance of the data from itself.
    """
    rows, _ = read_rows(source.rows)
    cells: list[dict[str, Any]] = [
        {axis: level} for axis, levels in axes.items() for level in levels
    ] or [{}]
    models = [build(name, {**base, **cell}) for cell in cells]
    settings = [model.settings(rows) for model in models]
    every = models[0].every(settings[0]) or settings[0].passes
    yardstick = make_yardstick(settings[0].pair, rows, source.labels, how=models[0].frechet)
    asked = list(itertools.product(range(len(cells)), range(seeds)))
    stopped = False
    try:
        pairs = train_population(
            rows,
            [(settings[cell], seed) for cell, seed in asked],
            yardstick,
            every=every,
            listener=listener,
        )
    except Stopped as stop:
        if not stop.pairs:
            raise
        pairs, stopped = stop.pairs, True
    by_place = {(pair.settings, pair.seed): pair for pair in pairs}
    runs = []
    for cell, seed in asked:
        pair = by_place.get((settings[cell], seed))
        if pair is not None:
            runs.append(GenerationRun(cells[cell], seed, pair, _score(pair, yardstick)))
    best = build(name, {**base, **runs[_best(runs)].settings})
    return best, tuple(runs), stopped, yardstick.data_frechet()


def _score(pair: TrainedPair, yardstick: Any) -> float:
    last = pair.last("frechet")
    if pair.status == "done" and np.isfinite(last):
        return last
    return yardstick.measure(pair.networks, pair.settings.prior)["frechet"]


def _best(runs: Sequence[GenerationRun]) -> int:
    """Return the first run of the setting with the smallest mean Fréchet distance."""
    scores: dict[str, list[float]] = {}
    for run in runs:
        scores.setdefault(str(run.settings), []).append(run.frechet)
    best = min(scores, key=lambda cell: float(np.mean(scores[cell])))
    own = [i for i, run in enumerate(runs) if str(run.settings) == best]
    healthy = [i for i in own if runs[i].pair.status != "diverged"]
    return (healthy or own)[0]


def _rankings(
    axes: Mapping[str, tuple], runs: Sequence[GenerationRun], seeds: int
) -> tuple[AxisRanking, ...]:
    found = []
    for axis, levels in axes.items():
        scores = np.full((len(levels), seeds), np.nan)
        for run in runs:
            if axis in run.settings:
                scores[levels.index(run.settings[axis]), run.seed] = run.frechet
        if np.isfinite(scores).any(axis=1).all():
            names = [_text(level) for level in levels]
            margin = SAME * float(np.nanmedian(scores))
            found.append(
                rank_axis(axis, names, scores, higher_is_better=False, unit=SCORE, margin=margin)
            )
    return tuple(found)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
