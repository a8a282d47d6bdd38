"""One fit on MNIST: Gradlab's MLPClassifier against scikit-learn's and against a PyTorch loop.

    python benchmarks/mlp_fit.py MNIST_FOLDER [--rounds 5] [--only scikit-learn]

scikit-learn: 784-100-100-10, batch 200, 10 epochs of Adam; target: at least 3 times as fast with an
equal or better test error. PyTorch (eager, fused Adam): 784-512-256-10, batch 128; target: at least
2 times as fast. Every fit runs in a process of its own, its time is that of `fit` alone, and the
variants take turns. "First fit" holds the compilation; "second fit" is another of the same shape
in the same process, as in a grid search.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from timing import interleave, print_table, run_command

PEERS = Path(__file__).with_name("peers")
CASES = {
    "scikit-learn": {
        "peer": "sklearn_mlp.py",
        "settings": {"hidden": (100, 100), "batch_size": 200, "epochs": 10},
    },
    "PyTorch": {
        "peer": "torch_mlp.py",
        "settings": {"hidden": (512, 256), "batch_size": 128, "epochs": 5},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--fit", choices=list(CASES), help="fit Gradlab's once and print JSON")
    arguments = parser.parse_args()

    if arguments.fit:
        print(json.dumps(fit(arguments.folder, CASES[arguments.fit]["settings"])))
        return
    for name in [arguments.only] if arguments.only else CASES:
        compare(arguments.folder, name, arguments.rounds)


def compare(folder: Path, name: str, rounds: int) -> None:
    """Print the times and test errors of one case."""
    case = CASES[name]
    ours: list[dict] = []
    theirs: list[dict] = []

    def first() -> float:
        command = [sys.executable, __file__, str(folder), "--fit", name]
        ours.append(json.loads(run_command(command)))
        return ours[-1]["first"]

    def peer() -> float:
        settings = case["settings"]
        command = [sys.executable, str(PEERS / case["peer"]), str(folder)]
        command += ["--hidden", ",".join(map(str, settings["hidden"]))]
        command += ["--batch-size", str(settings["batch_size"])]
        command += ["--epochs", str(settings["epochs"]), "--seed", str(len(theirs))]
        theirs.append(json.loads(run_command(command)))
        return theirs[-1]["seconds"]

    timings = interleave({"Gradlab, first fit": first, name: peer}, rounds)
    print_table(f"{case['settings']}", timings)
    again = statistics.median(result["second"] for result in ours)
    print(f"Gradlab, second fit: {again:.3f} s, {timings[1].median / again:.2f} times as fast")
    for label, results in (("Gradlab", ours), (theirs[0]["peer"], theirs)):
        errors = [result["test_error"] for result in results]
        print(f"test error of {label}: {statistics.mean(errors):.2%} (mean of {len(errors)})")


def fit(folder: Path, settings: dict) -> dict:
    """Fit twice in this process and return the seconds, and the mean test error."""
    from gradlab import MLPClassifier, load_dataset

    data = load_dataset(folder)
    x, test = data.features.numeric.astype(np.float32) / 255, np.zeros(data.n_rows, bool)
    test[data.test_rows] = True
    x_train, y_train, x_test, y_test = x[~test], data.y[~test], x[test], data.y[test]
    seconds, errors = [], []
    for _ in range(2):
        # Seeds of their own, so that the errors of the rounds are independent samples.
        classifier = MLPClassifier(optimizer="adam", **settings)
        start = time.perf_counter()
        classifier.fit(x_train, y_train)
        seconds.append(time.perf_counter() - start)
        errors.append(1 - classifier.score(x_test, y_test))
    return {"first": seconds[0], "second": seconds[1], "test_error": statistics.mean(errors)}


if __name__ == "__main__":
    main()
