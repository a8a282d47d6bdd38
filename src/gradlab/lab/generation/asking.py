"""Train a generative model on data, or several of unlike settings and seeds, and judge them."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradlab.data.images import ImageSize
from gradlab.errors import RecipeError
from gradlab.generative.gan.base import make_yardstick
from gradlab.generative.gan.population import Listener, Stopped, TrainedPair, train_population
from gradlab.generative.gan.rows import read_rows
from gradlab.generative.measures.diversity import diversity
from gradlab.generative.neighbours import nearest_neighbours
from gradlab.lab.generation.models import ADVERSARIAL, build, flat, model_for, shaped
from gradlab.lab.generation.reading import Source, read_source
from gradlab.lab.generation.study import GenerationRun, GenerationStudy, level_text
from gradlab.lab.ranking import rank_axis
from gradlab.lab.verdicts import AxisRanking

MOST_RUNS = 200
SAME = 0.02
"""A difference of Fréchet distances below this share of their median does not matter."""

SCORE = "Fréchet distance"


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
        model: "gan", "dcgan", "mixture", "naive_bayes", "boltzmann", "hidden_markov" (each row a
            sequence, column after column); "auto" takes dcgan for pictures, else gan.
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
        made = shaped(fitted.sample(samples, seed=seed), source.rows.shape[1:])
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
            names = [level_text(level) for level in levels]
            margin = SAME * float(np.nanmedian(scores))
            found.append(
                rank_axis(axis, names, scores, higher_is_better=False, unit=SCORE, margin=margin)
            )
    return tuple(found)
