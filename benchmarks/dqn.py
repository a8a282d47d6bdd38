"""DQN on cart-pole: ten seeds to a mean return of 195, against CleanRL's loop in PyTorch.

    python benchmarks/dqn.py [--rounds 1] [--case cleanrl|small] [--seeds 10] [--sample 2]

A run is solved when the mean return of the last 100 training episodes, exploration included,
reaches 195 (the rule of CartPole-v0; episodes may be 500 steps long). Both sides have the same
settings: "cleanrl" are those of CleanRL's dqn.py, "small" those of `gradlab.rl.deep.DQN`. Gradlab
trains all seeds in one new process, import and compilation included in its time. PyTorch trains
the first `--sample` seeds in two processes side by side, one thread each; its time is the mean of
their training loops alone, times all seeds, by two. A run that is not solved within the steps
counts with the time of all of them. Target: 5x. `--sample 10` trains all of PyTorch's runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from timing import interleave, print_table

PEER = Path(__file__).with_name("peers") / "torch_dqn.py"
GOAL, STEPS = 195.0, 500_000
CASES = {
    "cleanrl": {
        "hidden": (120, 84),
        "learning_rate": 2.5e-4,
        "batch_size": 128,
        "learn_every": 10,
        "warm_up": 10_000,
        "target_every": 500,
        "epsilon_steps": 250_000,
        "error_clip": float("inf"),
    },
    "small": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--case", choices=list(CASES), default="cleanrl")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sample", type=int, default=2, help="seeds that PyTorch trains")
    parser.add_argument("--train", action="store_true", help="train Gradlab's and print JSON")
    arguments = parser.parse_args()
    if arguments.train:
        print(json.dumps(train(arguments.case, arguments.seeds)))
        return

    sample = min(arguments.sample, arguments.seeds)
    told: dict[str, list[dict]] = {"gradlab": [], "PyTorch": []}
    variants = {
        "gradlab": lambda: _ours(arguments.case, arguments.seeds, told["gradlab"]),
        "PyTorch": lambda: _theirs(arguments.case, sample, told["PyTorch"]) * arguments.seeds / 2,
    }
    timings = interleave(variants, arguments.rounds)
    print_table(f"{arguments.seeds} seeds of DQN ({arguments.case}) to a mean of {GOAL:g}", timings)
    for name, runs in told.items():
        solved = [run for run in runs if run["steps"] is not None]
        steps = int(statistics.median(run["steps"] for run in solved)) if solved else 0
        seconds = statistics.median(run["seconds"] for run in runs)
        each = 1e6 * sum(run["seconds"] for run in solved) / max(1, sum(r["steps"] for r in solved))
        print(
            f"{name}: {len(solved)} of {len(runs)} runs solved, median {steps:,} steps and "
            f"{seconds:.2f} s a run, {each:.1f} µs a step"
        )


def train(case: str, seeds: int) -> list[dict]:
    from gradlab.rl import cart_pole
    from gradlab.rl.deep import DQN, Goal, fit_many

    agents = fit_many(
        [DQN(**CASES[case], random_state=seed) for seed in range(seeds)],
        cart_pole(),
        steps=STEPS,
        goal=Goal(GOAL),
        stop_when_solved=True,
    )
    return [{"seed": a.random_state, "steps": a.solved_at_, "seconds": a.seconds_} for a in agents]


def _ours(case: str, seeds: int, told: list[dict]) -> float:
    command = [sys.executable, __file__, "--train", "--case", case, "--seeds", str(seeds)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    told += json.loads(done.stdout)
    return seconds


def _theirs(case: str, seeds: int, told: list[dict]) -> float:
    """Return the mean seconds of a run."""
    parts = [[str(seed) for seed in range(first, seeds, 2)] for first in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(PEER), "--case", case, "--seeds", *part],
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in parts
        if part
    ]
    runs = [
        json.loads(line) for process in processes for line in process.communicate()[0].splitlines()
    ]
    told += runs
    return statistics.mean(run["seconds"] for run in runs)


if __name__ == "__main__":
    main()
