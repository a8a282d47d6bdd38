"""A convolutional network on MNIST, whole commands: `gradlab train` against a PyTorch script.

    python benchmarks/mnist_cnn.py MNIST_FOLDER [--rounds 3]

Five epochs of Adam on all 60 000 training images, batch 128, its rate falling along a cosine, two
3x3 convolutions (32 and 64 maps, each pooled) and a dense layer of 128; both are timed from the
start of Python to the test error.
The cache folder is empty in the first row and kept from a first run in the second. Target: 1.3
times as fast, at least 99.0 % of the test images right.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from timing import interleave, print_table, run_command

PEER = Path(__file__).with_name("peers") / "torch_mnist_cnn.py"
EPOCHS, BATCH = 5, 128
LAYERS = "conv 32 3x3,pool 2,conv 64 3x3,pool 2,dense 128"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    scores: dict[str, list[float]] = {"Gradlab": [], "PyTorch": []}

    def ours(cache: Path) -> float:
        program = "import sys; from gradlab.cli.main import run; sys.exit(run())"
        command = [sys.executable, "-c", program, "train", str(arguments.folder), "--json"]
        command += ["--set", f"layers={LAYERS}", "--set", f"batch_size={BATCH}"]
        command += ["--set", "schedule=cosine"]
        command += ["--epochs", str(EPOCHS), "--ratios", "1,0,0"]
        command += ["--seed", str(len(scores["Gradlab"])), "--out", str(cache / "m.safetensors")]
        os.environ["XDG_CACHE_HOME"] = str(cache)
        start = time.perf_counter()
        told = json.loads(run_command(command))
        elapsed = time.perf_counter() - start
        scores["Gradlab"].append(told["test_score"])
        return elapsed

    def cold() -> float:
        with tempfile.TemporaryDirectory() as cache:
            return ours(Path(cache))

    def theirs() -> float:
        command = [sys.executable, str(PEER), str(arguments.folder), "--epochs", str(EPOCHS)]
        command += ["--batch-size", str(BATCH), "--seed", str(len(scores["PyTorch"]))]
        start = time.perf_counter()
        told = json.loads(run_command(command))
        elapsed = time.perf_counter() - start
        scores["PyTorch"].append(told["test_score"])
        return elapsed

    with tempfile.TemporaryDirectory() as kept:
        ours(Path(kept))
        variants = {
            "Gradlab, empty cache": cold,
            "Gradlab, kept cache": lambda: ours(Path(kept)),
            "PyTorch": theirs,
        }
        print_table("MNIST, whole commands", interleave(variants, arguments.rounds))
    for name, values in scores.items():
        print(f"{name}: {statistics.mean(values):.2%} right (least {min(values):.2%})")


if __name__ == "__main__":
    main()
