"""How fast are k-means, its seeding and its restarts beside scikit-learn's, and how good?

    python benchmarks/kmeans.py [--rounds 7] [--mnist FOLDER]

Both sides get the same start, tolerance and cores, and are timed over whole fits. Their iterations
are shown because rounding may end one of them earlier: where clusters overlap everywhere, the path
of the centroids depends on the last digits. MNIST is the folder with `train-images-idx3-ubyte.gz`;
without it, data of the same shape is drawn. Memory is measured in a process of its own.
"""

import argparse
import gzip
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import sklearn.cluster
from sklearn.datasets import make_blobs
from timing import Timing, interleave, paired_ratios

from gradlab.cluster.kmeans import KMeans
from gradlab.cluster.rows import read_rows
from gradlab.cluster.seeding import plus_plus
from gradlab.cluster.team import team

TARGETS = {"fit": 1.5, "seeding": 5.0, "ten restarts": 2.0}


def main() -> None:
    """Print one table: seconds, ratio and inertia of each work, medians of interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mnist", type=Path)
    arguments = parser.parse_args()

    print(f"{'':42}{'ours':>9}{'peer':>9}  ratio (min-max)    target   inertia ours / peer")
    for name, x, n_clusters in tables(arguments.mnist):
        start = x[np.random.default_rng(1).choice(len(x), n_clusters, replace=False)]
        cold = seconds(partial(KMeans(n_clusters, init=start).fit, x))
        for algorithm in ("lloyd", "elkan"):
            compare(
                f"{name}, fit, {algorithm}",
                TARGETS["fit"],
                KMeans(n_clusters, init=start),
                sklearn.cluster.KMeans(n_clusters, init=start, n_init=1, algorithm=algorithm),
                x,
                arguments.rounds,
            )
        compare_seeding(name, x, n_clusters, arguments.rounds)
        compare(
            f"{name}, ten restarts",
            TARGETS["ten restarts"],
            KMeans(n_clusters, n_init=10, random_state=0),
            sklearn.cluster.KMeans(n_clusters, n_init=10, random_state=0),
            x,
            max(1, arguments.rounds // 2),
        )
        print(f"{name}: our first fit in the process took {cold:.3f} s")
    for restarts in (1, 10):
        beyond = in_a_process(restarts)
        verdict = "met" if beyond < 1024 else "MISSED"
        print(
            f"1 000 000 x 64, {restarts} start(s): {beyond:.0f} MiB beyond the data, 1024 {verdict}"
        )


def tables(mnist: Path | None) -> list[tuple[str, np.ndarray, int]]:
    """Return name, data and K."""
    rng = np.random.default_rng(0)
    made = make_blobs(100_000, 32, centers=16, cluster_std=4.0, random_state=0)[0]
    if mnist is None:
        digits = make_blobs(60_000, 784, centers=40, cluster_std=8.0, random_state=0)[0]
    else:
        packed = gzip.decompress((mnist / "train-images-idx3-ubyte.gz").read_bytes())
        digits = np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 784) / np.float32(255)
    return [
        ("100 000 x 32 touching groups", made.astype(np.float32), 16),
        ("100 000 x 32 one normal cloud", rng.standard_normal((100_000, 32), np.float32), 16),
        ("60 000 x 784", digits.astype(np.float32), 10),
    ]


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(
    name: str,
    target: float,
    ours: KMeans,
    peer: sklearn.cluster.KMeans,
    x: np.ndarray,
    rounds: int,
) -> None:
    """Time whole fits and print a row."""
    variants = {
        "ours": lambda: seconds(lambda: ours.fit(x)),
        "peer": lambda: seconds(lambda: peer.fit(x)),
    }
    for run in variants.values():
        run()
    quality = (
        f"{ours.inertia_:.6g} / {peer.inertia_:.6g} in {ours.n_iter_} / {peer.n_iter_} iterations"
    )
    row(name, target, interleave(variants, rounds), quality)


def compare_seeding(name: str, x: np.ndarray, n_clusters: int, rounds: int) -> None:
    """Time k-means++ alone, from the table to the centroids."""
    potentials: dict[str, list[float]] = {"ours": [], "peer": []}
    seeds = iter(range(10**6))

    def ours() -> float:
        random = np.random.RandomState(next(seeds))
        begin = time.perf_counter()
        with team() as crew:
            rows = read_rows(x, None, crew)
            centres = rows.outer(plus_plus(rows, n_clusters, [random], crew)[0])
        taken = time.perf_counter() - begin
        potentials["ours"].append(-KMeans(n_clusters, init=centres, max_iter=1).fit(x).history_[0])
        return taken

    def peer() -> float:
        begin = time.perf_counter()
        centres = sklearn.cluster.kmeans_plusplus(x, n_clusters, random_state=next(seeds))[0]
        taken = time.perf_counter() - begin
        potentials["peer"].append(-KMeans(n_clusters, init=centres, max_iter=1).fit(x).history_[0])
        return taken

    ours(), peer()
    timings = interleave({"ours": ours, "peer": peer}, rounds)
    means = [-statistics.mean(potentials[side]) * len(x) for side in ("ours", "peer")]
    row(
        f"{name}, k-means++",
        TARGETS["seeding"],
        timings,
        f"{means[0]:.6g} / {means[1]:.6g} at the start",
    )


def row(name: str, target: float, timings: list[Timing], quality: str) -> None:
    ours, peer = timings
    ratios = paired_ratios(ours, peer)
    ratio = statistics.median(ratios)
    verdict = "met" if ratio >= target else "MISSED"
    print(
        f"{name:42}{ours.median:9.3f}{peer.median:9.3f}  {ratio:5.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f})".ljust(80)
        + f"{target:4} {verdict:7} {quality}",
        flush=True,
    )


def in_a_process(restarts: int) -> float:
    """Return the MiB that a fit of a million rows takes beyond its data."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(memory_beyond_data, (restarts,))


def memory_beyond_data(restarts: int) -> float:
    x = np.random.default_rng(0).standard_normal((1_000_000, 64), np.float32)
    KMeans(16, random_state=0).fit(x[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    KMeans(16, n_init=restarts, max_iter=10, random_state=0).fit(x)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    main()
