"""False verdicts and promised power with real training, judged as a study judges.

    python benchmarks/real_false_verdicts.py [--studies 1000]

A/A: one technique under two names, each name with seeds of its own (with shared seeds the two
would be equal to the last bit). Every verdict "better" or "worse" is false; 5 % of the studies may
hold one. No run serves in two studies of a row.

Power: two pairs of techniques about 2 points apart. A large pool tells the true difference and its
spread, `required_seeds` how many seeds find it in 80 % of studies; then fresh studies of that size
are run, paired by seed as in the product.

The net is small and trained briefly (digits, 8 hidden units, 3 epochs), so that 1,000 studies take
a few minutes. `false_verdicts.py` asks the same of scores that were drawn, of any shape.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from false_verdicts import share_of

from gradlab.data import load_dataset
from gradlab.lab.compare import prepare
from gradlab.lab.pairs import POWER, required_seeds
from gradlab.lab.question import Question
from gradlab.lab.ranking import MARGINS, rank_axis
from gradlab.lab.verdicts import AxisRanking
from gradlab.training.executors import RunResult, execute
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

BASE = Recipe(hidden=(8,), epochs=3, learning_rate=0.01)
# Better and worse technique; chosen so that the means differ by about 2 points.
EFFECTS = {
    "dropout 0 beats 0.23": (BASE, BASE.replace(dropout=0.23)),
    "tanh beats relu": (BASE.replace(activation="tanh"), BASE),
}
POOL = 2000
SIZES = ((2, 10), (2, 5), (8, 10))
RUNS_AT_ONCE = 4000


def train(task: Task, runs: Sequence[Run]) -> np.ndarray:
    """Return the validation score of every run."""
    scores = np.full(len(runs), np.nan)
    for first in range(0, len(runs), RUNS_AT_ONCE):
        part = runs[first : first + RUNS_AT_ONCE]
        for event in execute(plan(task, part, workers=2), workers=2):
            if isinstance(event, RunResult):
                rows = task.splits[0][1]
                score = task.score(float(event.history[-1, 2]), rows)
                diverged = event.status == "diverged"
                scores[first + event.index] = task.trivial_score if diverged else score
        print(f"  {first + len(part)} of {len(runs)} runs", file=sys.stderr, flush=True)
    return scores


def train_pairs(task: Task, recipes: Sequence[Recipe], seeds: range) -> np.ndarray:
    """Return the scores of every recipe on the same seeds, (recipes, seeds)."""
    runs = [Run(recipe, seed) for recipe in recipes for seed in seeds]
    return train(task, runs).reshape(len(recipes), len(seeds))


def rankings(studies: np.ndarray, task: Task, margin: float) -> Iterator[AxisRanking]:
    """Rank each study, (studies, levels, seeds), as a study folder does."""
    resolution = 1 / len(task.splits[0][1])
    levels = [str(i) for i in range(studies.shape[1])]
    for scores in studies:
        yield rank_axis("technique", levels, scores, margin=margin, resolution=resolution)


def false_verdicts(studies: np.ndarray, task: Task, margin: float) -> int:
    """Return how many studies of one technique hold a verdict "better" or "worse"."""
    return sum(
        any(pair.verdict in ("better", "worse") for pair in ranking.pairs)
        for ranking in rankings(studies, task, margin)
    )


def found(studies: np.ndarray, task: Task, margin: float) -> int:
    """Return how many studies find that level 0 is better than level 1."""
    pairs = [ranking.difference("0", "1") for ranking in rankings(studies, task, margin)]
    return sum(pair is not None and pair.verdict == "better" for pair in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=POOL, help=f"runs that tell the truth ({POOL})")
    arguments = parser.parse_args()
    n, began = arguments.studies, time.perf_counter()
    task, _ = prepare(load_dataset("digits"), Question())
    margin = MARGINS["accuracy"]

    pool = train(task, [Run(BASE, seed) for seed in range(20 * n)])
    print(f"A/A with {len(pool):,} trained runs, accuracy {pool.mean():.3f} ± {pool.std():.3f}")
    print("share of studies with a false verdict, Wilson 95 %; allowed 5 %")
    print(f"{'levels':>6}{'seeds':>7}{'studies':>9}  {'as the product judges':<24}with margin 0")
    for levels, seeds in SIZES:
        count = len(pool) // (levels * seeds)
        if count == 0:
            continue
        studies = pool[: count * levels * seeds].reshape(count, levels, seeds)
        shares = [share_of(false_verdicts(studies, task, m), count) for m in (margin, 0.0)]
        print(f"{levels:>6}{seeds:>7}{count:>9}  {shares[0]!s:<24}{shares[1]}")

    print(f"\nPower: share of {n} fresh studies that find the known difference, asked {POWER:.0%}")
    print(f"{'':<22}{'true difference':>16}{'std':>7}{'seeds':>7}  found")
    next_seed = len(pool)
    for name, recipes in EFFECTS.items():
        truth = train_pairs(task, recipes, range(next_seed, next_seed + arguments.pool))
        next_seed += arguments.pool
        difference = truth[0] - truth[1]
        mean, std = float(difference.mean()), float(difference.std(ddof=1))
        seeds = required_seeds(std, mean)
        if seeds is None:
            raise SystemExit(f"{name}: the calculator called the difference out of reach.")
        scores = train_pairs(task, recipes, range(next_seed, next_seed + n * seeds))
        next_seed += n * seeds
        studies = scores.reshape(2, n, seeds).transpose(1, 0, 2)
        error = 100 * std / np.sqrt(len(difference))
        told = f"{100 * mean:.2f} ± {error:.2f}"
        share = share_of(found(studies, task, margin), n)
        print(f"{name:<22}{told:>16}{100 * std:>7.2f}{seeds:>7}  {share}")
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
