"""A study as the plain data that its report shows, and its answer in words."""

from datetime import datetime

import numpy as np

from gradlab import report
from gradlab.lab.facts import recipe_text
from gradlab.lab.study import Study
from gradlab.lab.verdicts import AxisRanking, Difference, format_score

AXIS_LABELS = {
    "optimizer": "Optimizer",
    "init": "Initialisation",
    "activation": "Activation",
    "norm": "Normalisation",
    "dropout": "Dropout",
    "hidden": "Hidden layers",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "l1": "L1 penalty",
    "l2": "L2 penalty",
    "weight_decay": "Weight decay",
}


def axis_label(axis: str) -> str:
    """Return the heading of an axis.

    >>> axis_label("init"), axis_label("optimizer.beta1"), axis_label("input_noise")
    ('Initialisation', 'optimizer.beta1', 'Input noise')
    """
    if "." in axis:
        return axis
    return AXIS_LABELS.get(axis, axis.replace("_", " ").capitalize())


def answer(study: Study) -> list[str]:
    """Return the study's answer, most important first: the winner, then each axis."""
    sentences = []
    winner = study.winner
    if winner is not None:
        setting = ", ".join(f"{axis} {name}" for axis, name in winner.levels.items())
        score = _shown(study, float(np.mean(winner.validation_scores)))
        seeds = _count(study.seeds, "seed")
        text = f"The best recipe on validation has {setting}: {score} over {seeds}"
        if winner.test_scores:
            text += f"; on the {study.facts.test:,} test rows, read once, "
            text += _shown(study, winner.test_score)
        sentences.append(text + ".")
    else:
        sentences.append("The study is unfinished; what follows rests on the runs that are done.")
    for axis in study.axes:
        ranking = _ranking(study, axis)
        if ranking is not None and ranking.sentences:
            sentences.append(f"{axis_label(axis)}: {ranking.sentences[0]}")
    return [*sentences, *effects_sentences(study)]


def effects_sentences(study: Study) -> list[str]:
    """Return how much each axis matters, in a study that changes several at once."""
    if study.design == "one-at-a-time" or len(study.axes) < 2 or not study.finished:
        return []
    if len(study.facts.cells) < 2:  # nothing varied after all
        return []
    effects = study.effects()
    shares = [
        f"{axis_label(effect.axis).lower()} {100 * effect.share:.0f} %"
        for effect in effects.effects
    ]
    text = f"Of the variance of all scores, main effects explain: {_join(shares)}; the rest "
    return [text + f"({100 * effects.residual:.0f} %) is interactions and chance."]


def report_contents(study: Study) -> report.ReportContents:
    """Return everything that the report of a study shows."""
    facts, content = study.facts, study.runs
    tuning = [run for run in content if run.phase == "tune"]
    timing = study.timing
    axes = tuple(section for axis in study.axes if (section := _section(study, axis)) is not None)
    return report.ReportContents(
        title=f"Training techniques on {facts.name}",
        question=report.Question(
            text=(
                f"Which {_join([axis_label(a).lower() for a in study.axes])} "
                f"work{'s' if len(study.axes) == 1 else ''} best on {facts.name}?"
            ),
            data=facts.name,
            n_rows=facts.rows,
            n_columns=facts.columns,
            task=_task_text(study),
            target="the inputs" if facts.task == "reconstruction" else facts.target,
            varied=tuple(
                f"{axis_label(axis).lower()} ({_count(len(levels), 'level')})"
                for axis, levels in facts.axes.items()
            ),
            seeds=study.seeds,
            epochs=int(facts.base_recipe.get("epochs", 30)),
            base_recipe=tuple(facts.base_recipe.items()),
        ),
        answer=tuple(answer(study)),
        score=report.Score(name=facts.score, percent=facts.score == "accuracy"),
        axes=axes,
        command=study.command,
        interval=_interval_text(study),
        winner=_winner(study),
        diverged=tuple(
            report.DivergedRun(run.id, f"{run.cell}, {_phase(run.phase)}", run.seed, run.epochs)
            for run in content
            if run.status == "diverged"
        ),
        n_runs=len(content),
        method=tuple(_method(study, bool(tuning))),
        notes=facts.notes,
        forecast=(
            report.Forecast(
                timing["forecast"], timing["seconds"], int(timing["runs"]), int(timing["programs"])
            )
            if timing
            else None
        ),
        versions=tuple(study.versions.items()),
        machine=study.machine,
        created=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


_BLOCKS = {
    "settings": "the settings of the others",
    "combinations": "the combinations that hold them",
}


def _interval_text(study: Study) -> str:
    if study.blocks != "seeds":
        return f"95 % t interval over {_BLOCKS[study.blocks]}"
    return f"95 % t interval over {study.seeds} seeds" if study.seeds > 1 else ""


def _section(study: Study, axis: str) -> report.AxisSection | None:
    ranking = _ranking(study, axis)
    if ranking is None:
        return None
    runs = {row.level: _runs_of(study, axis, row.level) for row in ranking.rows}
    rows = []
    for row in ranking.rows:
        own = runs[row.level]
        rates = {run.learning_rate for run in own}
        rows.append(
            report.LevelRow(
                level=row.level,
                label=row.level,
                score=None if row.mean is None else report.Estimate(row.mean, row.low, row.high),
                n=row.n,
                average_rank=row.average_rank,
                to_leader=_difference(row.difference_to_leader),
                to_base=_difference(row.difference_to_base),
                verdict=row.verdict,
                seeds_needed=row.seeds_needed,
                learning_rate=rates.pop() if len(rates) == 1 else None,
                seconds=float(np.mean([run.seconds for run in own])) if own else None,
                n_diverged=sum(run.status == "diverged" for run in own),
            )
        )
    friedman = (
        report.Friedman(ranking.friedman, ranking.friedman_p)
        if ranking.friedman is not None and ranking.friedman_p is not None
        else None
    )
    return report.AxisSection(
        axis=axis,
        label=axis_label(axis),
        rows=tuple(rows),
        sentences=tuple(ranking.sentences),
        leader=ranking.rows[0].level,
        base=ranking.base,
        friedman=friedman,
        critical_difference=ranking.critical_difference,
        cliques=ranking.cliques,
        variance_share=ranking.share_of_variance,
        curves=tuple(_curve(row.level, runs[row.level]) for row in ranking.rows if runs[row.level]),
        runs=tuple(
            report.RunPoint(
                level,
                run.seed,
                run.seconds,
                None if run.status == "diverged" else run.validation_score,
            )
            for level, own in runs.items()
            for run in own
        ),
        tuning=tuple(_tuning(study, axis, ranking)),
    )


def _runs_of(study: Study, axis: str, level: str) -> list:
    return [
        run
        for cell in study.facts.cells
        if cell["levels"].get(axis) == level
        for run in study.cell_runs("judge", cell["levels"])
    ]


def _curve(level: str, runs: list) -> report.Curve:
    longest = max(len(run.history) for run in runs)
    table = np.full((len(runs), longest, 3), np.nan)
    for i, run in enumerate(runs):
        table[i, : len(run.history)] = run.history
    table[~np.isfinite(table)] = np.nan
    return report.Curve(
        level=level,
        epochs=tuple(range(1, longest + 1)),
        train_loss=_band(table[:, :, 0]),
        validation_loss=_band(table[:, :, 1]),
        validation_score=_band(table[:, :, 2]),
    )


def _band(values: np.ndarray) -> report.Band:
    """Return mean and t interval of the mean, epoch by epoch, over the runs still training."""
    from scipy import stats

    n = (~np.isnan(values)).sum(axis=0)
    some = n > 0
    mean = np.full(values.shape[1], np.nan)
    mean[some] = np.nanmean(values[:, some], axis=0)
    if len(values) < 2:
        return report.Band(_plain(mean))
    half = np.full(values.shape[1], np.nan)
    many = n > 1
    spread = np.nanstd(values[:, many], axis=0, ddof=1)
    half[many] = stats.t.ppf(0.975, n[many] - 1) * spread / np.sqrt(n[many])
    return report.Band(_plain(mean), _plain(mean - half), _plain(mean + half))


def _plain(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else float(v) for v in values)


def _tuning(study: Study, axis: str, ranking: AxisRanking) -> list[report.TuningPoint]:
    if study.design != "one-at-a-time":
        return []  # a level has as many tuned rates as there are combinations
    points = []
    for row in ranking.rows:
        scores: dict[float, list] = {}
        for cell in study.facts.cells:
            if cell["levels"].get(axis) == row.level:
                for run in study.cell_runs("tune", cell["levels"]):
                    scores.setdefault(run.learning_rate, []).append(run)
        chosen = {run.learning_rate for run in _runs_of(study, axis, row.level)}
        for rate, own in sorted(scores.items()):
            alive = any(run.status != "diverged" for run in own)
            mean = float(np.mean([run.validation_score for run in own])) if alive else None
            points.append(report.TuningPoint(row.level, rate, mean, rate in chosen))
    return points


def _winner(study: Study) -> report.Winner | None:
    winner = study.winner
    if winner is None:
        return None
    return report.Winner(
        recipe=tuple(recipe_text(winner.recipe).items()),
        validation_score=_estimate(winner.validation_scores),
        test_score=_estimate(winner.test_scores) if winner.test_scores else None,
        n_test=study.facts.test or None,
    )


def _estimate(scores: tuple[float, ...]) -> report.Estimate:
    from scipy import stats

    values = np.asarray(scores)
    mean = float(values.mean())
    if len(values) < 2:
        return report.Estimate(mean)
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return report.Estimate(mean, mean - half, mean + half)


def _method(study: Study, tuned: bool) -> list[report.MethodItem]:
    facts = study.facts
    designs = {
        "one-at-a-time": "One setting of the base recipe is changed at a time.",
        "factorial": "Every combination of the settings is trained"
        + (
            "; a level's score is averaged over the other settings within each seed."
            if study.blocks == "seeds"
            else ", on one seed; the settings of the others are the pairs of an axis."
        ),
        "random": "Combinations are drawn at random; each one's mean over its seeds is an "
        "independent sample of the levels that it holds.",
    }
    return [
        report.MethodItem("Design", designs[study.design]),
        report.MethodItem(
            "Splits",
            f"{facts.train:,} rows train, {facts.validation:,} validate, {facts.test:,} test. "
            "Techniques are chosen by validation; the test part is read once, by the winner. "
            "Scaling and imputation are learnt on training rows alone.",
        ),
        report.MethodItem(
            "Tuning",
            (
                "Every recipe gets the same budget: "
                f"{study.tuning.learning_rates} learning rates, a factor √10 apart round the "
                f"technique's usual one, on {study.tuning.seeds} seeds that judge nothing. "
                "The rate with the best mean validation score is judged on fresh seeds."
            )
            if tuned
            else "Off: every technique ran at its usual or given learning rate.",
        ),
        report.MethodItem(
            "Pairing",
            "Runs with the same seed share their initial random numbers and batch order"
            + (
                ", so differences are taken seed by seed."
                if study.blocks == "seeds"
                else "; levels are compared over " + _BLOCKS[study.blocks] + "."
            ),
        ),
        report.MethodItem(
            "Tests",
            "Welch's t tests, corrected by Holm over all pairs of an axis; intervals at the level "
            "of the correction."
            if study.blocks == "combinations"
            else "Paired t tests, corrected by Holm over all pairs of an axis; intervals at the "
            "level of the correction. Friedman's test and Nemenyi's critical difference on ranks.",
        ),
        report.MethodItem(
            "Diverged runs",
            f"A run whose loss is not finite is scored {_shown(study, facts.trivial_score)}, as a "
            "model that has learnt nothing.",
        ),
    ]


def _task_text(study: Study) -> str:
    facts = study.facts
    if facts.task in ("regression", "reconstruction"):
        return facts.task
    return f"classification, {len(facts.classes)} classes"


def _ranking(study: Study, axis: str) -> AxisRanking | None:
    from gradlab.errors import StudyError

    try:
        return study.ranking(axis)
    except StudyError:
        return None


def _difference(difference: Difference | None) -> report.Difference | None:
    if difference is None:
        return None
    return report.Difference(
        difference.mean, difference.low, difference.high, difference.p_corrected
    )


def _shown(study: Study, value: float) -> str:
    score = format_score(value, study.facts.score)
    return score if study.facts.score == "accuracy" else f"R² {score}"


def _phase(phase: str) -> str:
    return "tuning" if phase == "tune" else "judging"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
