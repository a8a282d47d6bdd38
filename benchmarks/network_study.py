"""Sixteen networks at once: four seeds by four learning rates, against PyTorch in two processes.

    python benchmarks/network_study.py [--rounds 3] [--only cnn]

Ours are the runs of one plan, trained by the engine on its threads; PyTorch trains the same
sixteen, eight in each of two processes of one thread, eager, channels last, fused Adam. Both are
timed without starting Python; ours holds no compilation in "training", all in "with compilation".
Targets: 1.2 times as fast for the CNNs, 2.5 times for the LSTMs.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from timing import interleave, print_table

PEER = Path(__file__).with_name("peers") / "torch_network_study.py"
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
SEEDS = range(4)
ROWS, EPOCHS, BATCH = 1600, 2, 32
CASES = {
    "cnn": (["conv 32 3x3", "pool 2", "conv 64 3x3", "pool 2", "dense 128"], (28, 28, 1)),
    "lstm": (["lstm 64"], (30, 16)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(CASES))
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else CASES:
        variants = {
            "Gradlab, training": lambda name=name: ours(name)[0],
            "Gradlab, with compilation": lambda name=name: ours(name)[1],
            "PyTorch, two processes": lambda name=name: theirs(name),
        }
        print_table(f"16 runs of {CASES[name][0]}", interleave(variants, arguments.rounds))


def ours(name: str) -> tuple[float, float]:
    """Return the seconds of training, and with compilation, in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", f"import network_study; network_study.train({name!r})"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(json.loads(told.stdout))


def train(name: str) -> None:
    """Train the sixteen runs and print the seconds."""
    from gradlab.training.executors import Compiled, execute
    from gradlab.training.plan import Run, plan
    from gradlab.training.recipe import Recipe
    from gradlab.training.task import Task

    layers, shape = CASES[name]
    rng = np.random.default_rng(0)
    task = Task(
        x=rng.normal(size=(ROWS + 32, *shape)).astype(np.float32),
        y=rng.integers(0, 10, ROWS + 32).astype(np.int32),
        weight=np.ones(ROWS + 32, np.float32),
        splits=((np.arange(ROWS, dtype=np.int32), np.arange(ROWS, ROWS + 32, dtype=np.int32)),),
        test=np.zeros(0, np.int32),
        kind="multiclass",
        n_outputs=10,
    )
    runs = [
        Run(Recipe(layers=layers, learning_rate=rate, batch_size=BATCH, epochs=EPOCHS), seed)
        for rate in RATES
        for seed in SEEDS
    ]
    start = time.perf_counter()
    planned = plan(task, runs, workers=2)
    compiled = start
    for event in execute(planned):
        if isinstance(event, Compiled):
            compiled = time.perf_counter()
    end = time.perf_counter()
    print(json.dumps([end - compiled, end - start]))


def theirs(name: str) -> float:
    """Return the seconds of the slower of two processes that train eight runs each."""
    command = [sys.executable, str(PEER), name, "--rows", str(ROWS), "--epochs", str(EPOCHS)]
    command += ["--batch-size", str(BATCH), "--runs", str(len(RATES) * len(SEEDS) // 2)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return max(json.loads(process.communicate()[0])["seconds"] for process in both)


if __name__ == "__main__":
    main()
