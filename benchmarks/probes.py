"""What measuring inside training costs: the same runs with and without probes.

    python benchmarks/probes.py [--rounds 10] [--only mlp]

Both programs train the same runs from the same weights in the same order and end with the same
bits, which is checked; they take turns in one process, on one thread. Seconds are the process's own
CPU seconds, which other work on the machine lengthens less; the overhead is that of the fastest
rounds, with the median of the rounds' ratios beside it. Compilation, which comes once a structure,
is timed apart. Target: at most 5 %.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from timing import interleave, paired_ratios, print_table

from gradlab.data import load_dataset
from gradlab.lab.compare import prepare
from gradlab.lab.question import Question
from gradlab.training.executors import Compiled, RunResult, execute
from gradlab.training.plan import Plan, Run, plan
from gradlab.training.probes import measured
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

LIMIT = 0.05


def digits() -> Task:
    return prepare(load_dataset("digits"), Question())[0]


def made(shape: tuple[int, ...], *, pixels: bool) -> Task:
    """Return ten classes of noise: what a network learns does not change what a step costs."""
    rng, n = np.random.default_rng(0), shape[0]
    rows = np.arange(n, dtype=np.int32)
    x = rng.integers(0, 256, shape).astype(np.uint8) if pixels else rng.normal(size=shape)
    return Task(
        x=x if pixels else x.astype(np.float32),
        y=rng.integers(0, 10, n).astype(np.int32),
        weight=np.ones(n, np.float32),
        splits=((rows[: -n // 5], rows[-n // 5 :]),),
        test=rows[:0],
        kind="multiclass",
        n_outputs=10,
    )


CASES: dict[str, tuple[str, Callable[[], Task], Recipe]] = {
    "mlp": ("digits, 64-64-64-10, 30 epochs", digits, Recipe(hidden=(64, 64), epochs=30)),
    "cnn": (
        "2,000 images 16 x 16, two convolutions, 5 epochs",
        partial(made, (2000, 16, 16, 1), pixels=True),
        Recipe(layers=["conv 16", "pool 2", "conv 32", "pool 2", "dense 64"], epochs=5),
    ),
    "lstm": (
        "2,000 sequences 30 x 8, 64 units, 5 epochs",
        partial(made, (2000, 30, 8), pixels=False),
        Recipe(layers=["lstm 64"], epochs=5),
    ),
}


def train(ready: Plan, programs: dict) -> tuple[dict[int, RunResult], float]:
    """Train all runs of a plan; return them and the seconds of compilation."""
    results, seconds = {}, 0.0
    for event in execute(ready, programs=programs, workers=1):
        if isinstance(event, RunResult):
            results[event.index] = event
        elif isinstance(event, Compiled):
            seconds += event.seconds
    return results, seconds


def measure(name: str, rounds: int) -> str:
    title, make, recipe = CASES[name]
    task = make()
    runs = [Run(recipe, seed) for seed in range(4)]
    plans = {text: plan(task, runs, workers=1, probes=text == "with") for text in WAYS}
    programs: dict[str, dict] = {text: {} for text in WAYS}
    first = {text: train(plans[text], programs[text]) for text in WAYS}
    for index, result in first["with"][0].items():
        plain = first["without"][0][index]
        assert result.history.tobytes() == plain.history.tobytes()
        assert result.weights.tobytes() == plain.weights.tobytes()

    def timed(text: str) -> float:
        began = time.process_time()
        train(plans[text], programs[text])
        return time.process_time() - began

    timings = interleave({text: partial(timed, text) for text in WAYS}, rounds)
    print_table(title, timings)
    ratios = np.array(paired_ratios(*timings)) - 1
    least = min(timings[1].seconds) / min(timings[0].seconds) - 1
    probes = first["with"][0][0].probes
    assert probes is not None
    met = "met" if least <= LIMIT else "MISSED"
    compiled = {text: first[text][1] for text in WAYS}
    return (
        f"{title}: {len(measured(probes).time)} probes a run cost {100 * least:+.1f} % "
        f"(median {100 * np.median(ratios):+.1f} %; at most {100 * LIMIT:g} %): {met}; "
        f"compilation {compiled['without']:.2f} → {compiled['with']:.2f} s"
    )


WAYS = ("without", "with")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="interleaved rounds (10)")
    parser.add_argument("--only", choices=list(CASES))
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(CASES)
    print(*[measure(name, arguments.rounds) for name in names], sep="\n")


if __name__ == "__main__":
    main()
