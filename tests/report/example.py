"""Contents of a report with numbers as the default study gives them, made up from a seed."""

import math
from random import Random
from statistics import mean, stdev

from gradlab.report import (
    AxisSection,
    Band,
    Curve,
    Difference,
    DivergedRun,
    Estimate,
    Forecast,
    Friedman,
    LevelRow,
    MethodItem,
    Question,
    ReportContents,
    RunPoint,
    Score,
    TuningPoint,
    Winner,
)

# Final accuracy, epochs to get there, seconds a run, learning rate.
AXES = {
    "optimizer": {
        "adam": (0.9735, 3.0, 0.062, 0.003),
        "nadam": (0.9731, 2.9, 0.066, 0.003),
        "adamw": (0.9729, 3.0, 0.064, 0.003),
        "rmsprop": (0.9716, 2.6, 0.058, 0.001),
        "nesterov": (0.9702, 3.6, 0.055, 0.1),
        "momentum": (0.9696, 3.8, 0.054, 0.1),
        "adagrad": (0.9655, 4.0, 0.056, 0.03),
        "adadelta": (0.9590, 6.5, 0.071, 1.0),
        "gradient_descent": (0.9541, 7.5, 0.051, 0.3),
    },
    "init": {
        "he_normal": (0.9735, 3.0, 0.062, 0.003),
        "he_uniform": (0.9733, 3.0, 0.062, 0.003),
        "xavier_normal": (0.9730, 3.1, 0.062, 0.003),
        "xavier_uniform": (0.9727, 3.1, 0.063, 0.003),
        "lecun_normal": (0.9726, 3.2, 0.062, 0.003),
        "lecun_uniform": (0.9722, 3.2, 0.062, 0.003),
        "small_normal": (0.9690, 5.0, 0.062, 0.01),
        "constant": (0.1120, 2.0, 0.062, 0.003),
    },
    "activation": {
        "gelu": (0.9752, 3.1, 0.081, 0.003),
        "silu": (0.9749, 3.2, 0.078, 0.003),
        "relu": (0.9735, 3.0, 0.062, 0.003),
        "leaky_relu": (0.9733, 3.0, 0.063, 0.003),
        "elu": (0.9731, 3.0, 0.074, 0.003),
        "tanh": (0.9709, 2.8, 0.077, 0.003),
        "sigmoid": (0.9650, 6.0, 0.075, 0.01),
        "step": (0.8350, 9.0, 0.060, 0.001),
    },
    "norm": {
        "none": (0.9735, 3.0, 0.062, 0.003),
        "batch": (0.9731, 1.8, 0.094, 0.01),
        "layer": (0.9722, 2.2, 0.091, 0.003),
        "group": (0.9715, 2.3, 0.098, 0.003),
    },
    "dropout": {
        "0.2": (0.9758, 3.6, 0.069, 0.003),
        "0": (0.9735, 3.0, 0.062, 0.003),
        "0.5": (0.9689, 6.4, 0.069, 0.003),
    },
}
LABELS = {"init": "Initialisation", "norm": "Normalisation"}
BASE = {
    "optimizer": "adam",
    "init": "he_normal",
    "activation": "relu",
    "norm": "none",
    "dropout": "0",
}
T_9 = 2.262  # t quantile for 10 seeds


def estimate(values: list[float]) -> Estimate:
    centre = mean(values)
    if len(values) < 2:
        return Estimate(centre)
    half = T_9 * stdev(values) / math.sqrt(len(values))
    return Estimate(centre, centre - half, centre + half)


def band(runs: list[list[float]]) -> Band:
    estimates = [estimate(list(values)) for values in zip(*runs, strict=True)]
    lows = [e.low for e in estimates if e.low is not None]
    highs = [e.high for e in estimates if e.high is not None]
    return Band(tuple(e.mean for e in estimates), tuple(lows), tuple(highs))


def axis_section(
    axis: str, levels: dict[str, tuple[float, float, float, float]], *, seeds: int, epochs: int
) -> AxisSection:
    """Make up an axis: every level learns towards its final accuracy, with noise by seed."""
    random = Random(axis)
    luck = [random.gauss(0, 0.004) for _ in range(seeds)]
    scores: dict[str, list[float]] = {}
    curves, runs, tuning = [], [], []
    for level, (final, pace, seconds, rate) in levels.items():
        scores[level] = [min(1.0, final + luck[s] + random.gauss(0, 0.0022)) for s in range(seeds)]
        accuracy, loss, train = [], [], []
        for score in scores[level]:
            start = min(score, 0.12)
            rise = [1 - math.exp(-e / pace) for e in range(1, epochs + 1)]
            accuracy.append([start + (score - start) * r + random.gauss(0, 0.002) for r in rise])
            floor = 0.1 if score > 0.5 else 2.29
            loss.append([floor + (2.3 - floor) * (1 - r) + 0.001 * e for e, r in enumerate(rise)])
            train.append(
                [
                    max(1e-4, (2.3 if score < 0.5 else 2.3 * (1 - r) + 0.2 / (e + 1) ** 1.5))
                    * math.exp(random.gauss(0, 0.12))
                    for e, r in enumerate(rise)
                ]
            )
        curves.append(
            Curve(level, tuple(range(1, epochs + 1)), band(accuracy), band(loss), band(train))
        )
        runs += [
            RunPoint(level, s, seconds * math.exp(random.gauss(0, 0.05)), scores[level][s])
            for s in range(seeds)
        ]
        for power in (-2, -1, 0, 1, 2):
            tuned = final - 0.004 * power**2 - 0.002 * abs(power) + random.gauss(0, 0.001)
            diverged = power == 2 and rate >= 0.1
            tuning.append(
                TuningPoint(
                    level, rate * 3.1623**power, None if diverged else max(0.05, tuned), power == 0
                )
            )
    leader = max(scores, key=lambda level: mean(scores[level]))
    base = BASE.get(axis)
    ranks = dict.fromkeys(levels, 0.0)
    for s in range(seeds):
        for rank, level in enumerate(sorted(levels, key=lambda v: -scores[v][s]), start=1):
            ranks[level] += rank / seeds
    rows = []
    for level in sorted(levels, key=lambda v: -mean(scores[v])):
        to_leader = paired(scores[level], scores[leader]) if level != leader else None
        known = base in scores and level != base
        rows.append(
            LevelRow(
                level,
                level.replace("_", " "),
                estimate(scores[level]),
                seeds,
                ranks[level],
                to_leader,
                paired(scores[level], scores[base or ""]) if known else None,
                verdict(to_leader, leader),
                34 if to_leader and -0.0015 < to_leader.mean < -0.0002 else None,
                levels[level][3],
                levels[level][2],
                1 if level == "gradient_descent" else 0,
            )
        )
    order = sorted(levels, key=lambda v: ranks[v])
    difference = 0.31 * len(levels) * math.sqrt(10 / seeds)
    cliques = []
    for i, level in enumerate(order):
        together = [v for v in order[i:] if ranks[v] - ranks[level] < difference]
        if len(together) > 1 and not (cliques and together[-1] == cliques[-1][-1]):
            cliques.append(tuple(together))
    worst = rows[-1]
    return AxisSection(
        axis=axis,
        label=LABELS.get(axis, axis.capitalize()),
        rows=tuple(rows),
        sentences=(
            f"{rows[0].label} leads; {rows[1].label} can't be told apart from it here.",
            (
                f"Both beat {worst.label} by {-100 * (worst.to_leader or Difference(0)).mean:.1f} "
                "points."
            ),
        ),
        leader=leader,
        base=base if base in scores else None,
        friedman=Friedman(41.7, 0.00001) if seeds > 1 and len(levels) > 2 else None,
        critical_difference=difference if seeds > 1 and len(levels) > 2 else None,
        cliques=tuple(cliques),
        variance_share={"optimizer": 0.46, "init": 0.98, "activation": 0.91}.get(axis, 0.22),
        curves=tuple(curves),
        runs=tuple(runs),
        tuning=tuple(tuning),
    )


def paired(values: list[float], others: list[float]) -> Difference:
    e = estimate([a - b for a, b in zip(values, others, strict=True)])
    if e.low is None or e.high is None:
        return Difference(e.mean)
    t = abs(e.mean) / max(1e-9, (e.high - e.low) / 2 / T_9)
    return Difference(e.mean, e.low, e.high, math.erfc(t / 1.6))


def verdict(difference: Difference | None, leader: str) -> str:
    if difference is None:
        return "best here"
    if difference.p is None or difference.p > 0.05:
        return f"can't be told apart from {leader.replace('_', ' ')}"
    return "practically equal" if difference.mean > -0.003 else f"worse than {leader}"


def example(*, seeds: int = 10, epochs: int = 30) -> ReportContents:
    """Return the contents of the default study."""
    return ReportContents(
        title="What trains best on digits?",
        question=Question(
            text="Which optimizer, initialisation, activation, normalisation and dropout rate "
            "give the best validation accuracy on digits, each changed on its own around the "
            "base recipe?",
            data="digits",
            n_rows=1797,
            n_columns=64,
            task="classification, 10 classes",
            target="target",
            varied=tuple(f"{axis} ({len(levels)} levels)" for axis, levels in AXES.items()),
            seeds=seeds,
            epochs=epochs,
            base_recipe=(
                ("network", "64-64-10"),
                ("optimizer", "adam"),
                ("init", "he_normal"),
                ("activation", "relu"),
                ("norm", "none"),
                ("dropout", "0"),
                ("batch size", "32"),
            ),
        ),
        answer=(
            (
                "Use dropout 0.2 with GELU: 97.6 % on validation, 0.2 points [0.0, 0.5] above the "
                "base recipe."
            ),
            (
                "Adam, Nadam and AdamW can't be told apart here; all three beat gradient descent "
                "by 1.9 points [1.6, 2.3]."
            ),
            (
                "Initialisation matters only when it is wrong: a constant start learns nothing, "
                "the six scaled ones are practically equal."
            ),
            (
                "Normalisation changes nothing that ten seeds could show and costs half as much "
                "time again."
            ),
        ),
        score=Score(),
        axes=tuple(
            axis_section(axis, levels, seeds=seeds, epochs=epochs) for axis, levels in AXES.items()
        ),
        command="gradlab compare digits --vary optimizer=adam,nadam,adamw,rmsprop,nesterov,"
        "momentum,adagrad,adadelta,gradient_descent --vary init=he_normal,he_uniform,"
        "xavier_normal,xavier_uniform,lecun_normal,lecun_uniform,small_normal,constant "
        "--seeds 10 --epochs 30 --seed 0 --out digits-study",
        interval="95 % t interval over 10 seeds",
        winner=Winner(
            recipe=(
                ("optimizer", "adam, learning rate 0.003"),
                ("init", "he_normal"),
                ("activation", "relu"),
                ("norm", "none"),
                ("dropout", "0.2"),
            ),
            validation_score=Estimate(0.9758, 0.9731, 0.9785),
            test_score=Estimate(0.9722, 0.9514, 0.9843),
            n_test=360,
        ),
        diverged=(
            DivergedRun("b41c09", "optimizer=gradient_descent, learning_rate=3", 104, 2),
            DivergedRun("77e0a2", "optimizer=momentum, learning_rate=1", 101, 1),
            DivergedRun("0d13ff", "optimizer=nesterov, learning_rate=1", 101, 1),
        ),
        n_runs=704,
        method=(
            MethodItem(
                "Splits",
                "60 % training, 20 % validation, 20 % test, stratified by class, the same for "
                "every run. Scaling was learnt on the training part. The test part was read once, "
                "at the end, for the winner.",
            ),
            MethodItem(
                "Tuning",
                "5 learning rates × 3 tuning seeds a level, equal for all levels, on seeds that "
                "judge nothing.",
            ),
            MethodItem(
                "Pairing",
                "Runs with the same seed share initial random numbers and batch order, so that "
                "differences are paired by seed.",
            ),
            MethodItem(
                "Tests",
                "Paired t tests against the leader and the base, Holm-corrected within an axis; "
                "practically equal means within 0.5 points. Friedman test and Nemenyi critical "
                "difference over all levels.",
            ),
        ),
        notes=(
            "Target: the last column, target, 10 classes.",
            "3 columns are constant and were dropped: pixel_0_0, pixel_4_0, pixel_4_7.",
        ),
        forecast=Forecast(41.0, 38.2, 704, 23),
        versions=(("gradlab", "0.1.0"), ("jax", "0.10.0"), ("numpy", "2.4"), ("plotly", "7.1")),
        machine="2 cores, 24 GiB, Linux x86-64",
        created="21 November 2026",
    )
