"""One autoencoder on MNIST: Gradlab's against the same loop in PyTorch.

    python benchmarks/autoencoder.py MNIST_FOLDER [--rounds 5] [--only dense]

dense: 784-256-64-256-784, tanh, cross-entropy, half of the pixels masked. sparse: 784-196-784,
sigmoid, KL penalty on the mean activations. conv: two 3x3 convolutions with pooling and their
transposes. Batch 128, Adam (PyTorch's fused), float32, 10,000 images, 5 epochs (conv: 1). Every fit
runs in a process of its own and its time is that of training alone; "first fit" holds the
compilation, "second fit" is another of the same shape in the same process. The errors are mean
squares on other images, of the whole image from the undamaged one.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from timing import interleave, print_table, run_command

PEER = Path(__file__).with_name("peers") / "torch_autoencoder.py"
N_TRAIN, N_TEST = 10_000, 2_000
CASES = {
    "dense": {
        "hidden": (256, 64),
        "corruption": ("mask 0.5",),
        "epochs": 5,
    },
    "sparse": {
        "hidden": (196,),
        "activation": "sigmoid",
        "sparsity": 0.1,
        "epochs": 5,
    },
    "conv": {
        "layers": ("conv 16", "pool 2", "conv 8", "pool 2"),
        "activation": "relu",
        "init": "he_normal",
        "epochs": 1,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--fit", choices=list(CASES), help="fit Gradlab's twice and print JSON")
    arguments = parser.parse_args()

    if arguments.fit:
        print(json.dumps(fit(arguments.folder, arguments.fit)))
        return
    for name in [arguments.only] if arguments.only else CASES:
        compare(arguments.folder, name, arguments.rounds)


def compare(folder: Path, name: str, rounds: int) -> None:
    """Print the times and errors of one case."""
    ours: list[dict] = []
    theirs: list[dict] = []

    def first() -> float:
        ours.append(json.loads(run_command([sys.executable, __file__, str(folder), "--fit", name])))
        return ours[-1]["first"]

    def peer() -> float:
        command = [sys.executable, str(PEER), str(folder), name, "--seed", str(len(theirs))]
        command += ["--epochs", str(CASES[name]["epochs"])]
        theirs.append(json.loads(run_command(command)))
        return theirs[-1]["seconds"]

    timings = interleave({"Gradlab, first fit": first, "PyTorch": peer}, rounds)
    print_table(f"{name}: {CASES[name]}", timings)
    again = [result["second"] for result in ours]
    ratio = statistics.median(b / a for a, b in zip(again, timings[1].seconds, strict=True))
    print(f"Gradlab, second fit: {statistics.median(again):.3f} s, {ratio:.2f} times as fast")
    for label, results in (("Gradlab", ours), ("PyTorch", theirs)):
        errors = [result["error"] for result in results]
        print(f"error of {label}: {statistics.mean(errors):.5f} (mean of {len(errors)})")


def fit(folder: Path, name: str) -> dict:
    """Fit twice in this process and return the seconds, and the mean error."""
    from gradlab import load_dataset
    from gradlab.autoencoder import Autoencoder

    data = load_dataset(folder)
    x = data.features.numeric.astype(np.float32) / 255
    if name == "conv":
        x = x.reshape(-1, 28, 28, 1)
    train, test = x[:N_TRAIN], x[-N_TEST:]
    seconds, errors = [], []
    for _ in range(2):
        network = Autoencoder(loss="reconstruction_cross_entropy", batch_size=128, **CASES[name])
        start = time.perf_counter()
        network.fit(train)
        seconds.append(time.perf_counter() - start)
        errors.append(float(np.mean((network.reconstruct(test) - test) ** 2)))
    return {"first": seconds[0], "second": seconds[1], "error": statistics.mean(errors)}


if __name__ == "__main__":
    main()
