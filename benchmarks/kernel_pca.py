"""Kernel PCA of 5,000 rows: Gradlab's beside scikit-learn's.

    python benchmarks/kernel_pca.py [--rows 5000] [--features 20] [--rounds 3] [--all]

With 10 components, and with --all also every one (minutes a round). Both get the same rows, RBF
kernel and cores, in one process and in turns; both fits are followed by the components of all
rows. Target: at least as fast, with the same eigenvalues.
"""

import argparse
import statistics

import numpy as np
from sklearn.decomposition import KernelPCA as Peer
from timing import interleave, paired_ratios, print_table

from gradlab.decomposition.kernel_pca import KernelPCA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="also all components")
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    X = rng.normal(size=(arguments.rows, arguments.features))
    X += 2 * rng.integers(0, 3, size=(arguments.rows, 1))
    for n_components in (10, None) if arguments.all else (10,):
        eigenvalues = {}

        def run(name: str, kind: type, n: int | None = n_components, found: dict = eigenvalues):
            model = kind(n, kernel="rbf")
            model.fit_transform(X)
            found[name] = model.eigenvalues_

        timings = interleave(
            {
                "Gradlab": lambda run=run: run("ours", KernelPCA),
                "scikit-learn": lambda run=run: run("theirs", Peer),
            },
            arguments.rounds,
        )
        few = slice(min(len(e) for e in eigenvalues.values()))
        ours, theirs = eigenvalues["ours"][few], eigenvalues["theirs"][few]
        title = f"{arguments.rows:,} x {arguments.features}, {n_components or 'all'} components"
        print_table(title, timings)
        print(f"largest difference of eigenvalues: {np.abs(ours - theirs).max() / theirs[0]:.1e}")
        ratio = statistics.median(paired_ratios(*timings))
        print(f"target 1x: {'met' if ratio >= 1 else 'MISSED'} ({ratio:.2f})")


if __name__ == "__main__":
    main()
