"""A restricted Boltzmann machine of MNIST: Gradlab's beside scikit-learn's.

    python benchmarks/boltzmann.py MNIST_FOLDER [--rows 10000] [--hidden 256] [--epochs 1]

Both learn by persistent chains of one step, from the same rows, in batches of one size (10, which
is scikit-learn's own, and 64), in one process and in turns; Gradlab's first call, which compiles,
is told apart. Both are judged by the log-likelihood of 2,000 other images, with ln Z estimated by
the same annealing. Target: at least as fast, and no less likely.
"""

import argparse
import statistics
import time

import numpy as np
from sklearn.neural_network import BernoulliRBM
from timing import interleave, paired_ratios, print_table

from gradlab.data import load_dataset
from gradlab.generative.boltzmann import BoltzmannMachine
from gradlab.generative.partition import Energy, log_partition


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="MNIST's idx files")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    numbers = load_dataset(arguments.folder).features.numeric
    images = (numbers.reshape(len(numbers), -1) / 255).astype(np.float32)
    X, others = images[: arguments.rows], images[-2000:]
    for batch in (10, 64):
        fitted = {}

        def ours(batch: int = batch, fitted: dict = fitted) -> None:
            fitted["Gradlab"] = BoltzmannMachine(
                arguments.hidden,
                persistent=True,
                learning_rate=0.05,
                momentum=0.0,
                batch_size=batch,
                epochs=arguments.epochs,
                random_state=0,
            ).fit(X)

        def theirs(batch: int = batch, fitted: dict = fitted) -> None:
            fitted["scikit-learn"] = BernoulliRBM(
                arguments.hidden,
                learning_rate=0.05,
                batch_size=batch,
                n_iter=arguments.epochs,
                random_state=0,
            ).fit(X)

        start = time.perf_counter()
        ours()
        first = time.perf_counter() - start
        timings = interleave({"Gradlab": ours, "scikit-learn": theirs}, arguments.rounds)
        print_table(
            f"{len(X):,} images, {arguments.hidden} hidden, batches of {batch}, "
            f"{arguments.epochs} epochs",
            timings,
        )
        print(f"Gradlab's first call, with compilation: {first:.2f} s")
        likelihoods = {}
        for name, model in fitted.items():
            parts = (
                (model.weights_, model.visible_bias_, model.hidden_bias_)
                if name == "Gradlab"
                else (
                    model.components_.T,
                    model.intercept_visible_,
                    model.intercept_hidden_,
                )
            )
            energy = Energy(*(part.astype(np.float64) for part in parts), gaussian=False)
            likelihood = -energy.free(others.astype(np.float64)).mean() - log_partition(energy)
            likelihoods[name] = float(likelihood)
            print(f"ln p of another image, {name}: {likelihood:.1f} nats")
        ratio = statistics.median(paired_ratios(*timings))
        fast = ratio >= 1
        likely = likelihoods["Gradlab"] >= likelihoods["scikit-learn"] - 1
        print(f"target 1x: {'met' if fast and likely else 'MISSED'} ({ratio:.2f})\n")


if __name__ == "__main__":
    main()
