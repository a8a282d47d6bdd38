"""Peer: scikit-learn's MLPClassifier on MNIST, with all cores for its matrix products.

    python benchmarks/peers/sklearn_mlp.py MNIST_FOLDER [--epochs 10]

Prints the seconds of `fit` (reading the files and importing are left out) and the test error.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import sklearn
from mnist_files import load_mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("--hidden", default="100,100")
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    x, y, x_test, y_test = load_mnist(arguments.folder)
    classifier = MLPClassifier(
        tuple(int(width) for width in arguments.hidden.split(",")),
        batch_size=arguments.batch_size,
        max_iter=arguments.epochs,
        n_iter_no_change=arguments.epochs + 1,  # every epoch is run: no early end
        alpha=0.0,
        random_state=arguments.seed,
    )
    # Stopping after a fixed number of epochs is the task here, not a failure to converge.
    warnings.simplefilter("ignore", ConvergenceWarning)
    start = time.perf_counter()
    classifier.fit(x, y)
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "peer": f"scikit-learn {sklearn.__version__}",
                "seconds": round(seconds, 3),
                "epochs": classifier.n_iter_,
                "test_error": round(1 - classifier.score(x_test, y_test), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
