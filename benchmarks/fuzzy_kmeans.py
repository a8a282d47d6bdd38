"""Fuzzy k-means beside scikit-fuzzy: 20,000 x 16, K = 8, m = 2, from the same memberships.

    python benchmarks/fuzzy_kmeans.py [--rounds 7]

scikit-fuzzy runs until its own rule stops it (memberships change by less than 0.005, Frobenius
norm). Gradlab then makes exactly as many iterations from the same start, so that both stop at the
same place: the objectives are printed. scikit-fuzzy computes in float64. Gradlab's first fit of a
shape, which compiles, has a row of its own; the softmax form, which the peer lacks, has another.
"""

import argparse
import time

import numpy as np
from skfuzzy.cluster import cmeans
from timing import interleave, paired_ratios, print_table

from gradlab.cluster.fuzzy import FuzzyKMeans

N, D, K, ERROR = 20_000, 16, 8, 0.005
TARGET = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds

    rng = np.random.default_rng(0)
    x = 1.5 * rng.normal(size=(K, D))[rng.integers(K, size=N)] + rng.normal(size=(N, D))
    start = x[rng.choice(N, K, replace=False)] + 0.01
    memberships = 1 / ((x[None] - start[:, None]) ** 2).sum(axis=2)
    memberships /= memberships.sum(axis=0)
    _, _, _, _, objective, n_iter, _ = cmeans(x.T, K, 2.0, ERROR, 1000, init=memberships)

    def peer() -> None:
        cmeans(x.T, K, 2.0, ERROR, 1000, init=memberships)

    def fit(x: np.ndarray, **settings: object) -> FuzzyKMeans:
        return FuzzyKMeans(K, init=start, tol=0.0, max_iter=n_iter, **settings).fit(x)

    single = x.astype(np.float32)
    settings = {"form": "bezdek"}
    began = time.perf_counter()
    ours = fit(x, **settings)
    first = time.perf_counter() - began
    fit(single, **settings)
    fit(x, beta=0.1)
    timings = interleave(
        {
            "Gradlab, float64": lambda: fit(x, **settings) and None,
            "scikit-fuzzy, float64": peer,
            "Gradlab, float32": lambda: fit(single, **settings) and None,
            "Gradlab, softmax, float64": lambda: fit(x, beta=0.1) and None,
        },
        rounds,
    )
    print_table(f"fuzzy k-means, {N} x {D}, K = {K}, {n_iter} iterations", timings)
    print(f"Gradlab's first fit, with compilation: {first:.3f} s")
    print(f"objective: Gradlab {ours.objective_:.6f}, scikit-fuzzy {objective[-1]:.6f}")
    print(f"float32: {fit(single, **settings).objective_:.6f}")
    ratio = float(np.median(paired_ratios(timings[0], timings[1])))
    print(f"{ratio:.1f} times as fast; target {TARGET:g}: {'met' if ratio >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
