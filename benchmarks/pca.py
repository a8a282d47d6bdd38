"""Seconds to find and apply principal components, beside scikit-learn.

    python benchmarks/pca.py [--rounds 7] [--data FOLDER]

With --data, a folder that holds mnist/train-images-idx3-ubyte.gz, the rows are its 60 000 images
as float32; without, 60 000 x 784 correlated normal numbers. All threads on both sides. Also told:
how far the kept variance and the subspace are from scikit-learn's in float64, and the memory that
fit takes beyond the data.
"""

import argparse
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import scipy.linalg
from sklearn.decomposition import PCA as ScikitPCA
from timing import interleave, print_table

from gradlab.decomposition import PCA


def images(folder: Path) -> np.ndarray:
    packed = gzip.decompress((folder / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 784).astype(np.float32)


def made(rows: int = 60000, features: int = 784) -> np.ndarray:
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(features, features)) / np.arange(1, features + 1)[:, None]
    x = rng.normal(size=(rows, features)).astype(np.float32) @ axes.astype(np.float32)
    return x + np.float32(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    x = made() if arguments.data is None else images(arguments.data)

    def fit(pca):
        return lambda: (pca.fit(x), None)[1]

    def both(pca):
        return lambda: (pca.fit_transform(x), None)[1]

    for k in (50, None):
        exact = ScikitPCA(k, svd_solver="covariance_eigh")
        variants = {"gradlab": fit(PCA(k)), "sklearn covariance_eigh": fit(exact)}
        drawn = ScikitPCA(k, svd_solver="randomized", random_state=0)
        if k is not None:
            variants["sklearn randomized"] = fit(drawn)
            variants["gradlab randomized"] = fit(PCA(k, solver="randomized", random_state=0))
        name = k or "all"
        print_table(f"fit, {name} components", interleave(variants, arguments.rounds))
        variants = {"gradlab": both(PCA(k)), "sklearn covariance_eigh": both(exact)}
        if k is not None:
            variants["sklearn randomized"] = both(drawn)
        print_table(f"fit_transform, {name} components", interleave(variants, arguments.rounds))

    reference = ScikitPCA(50, svd_solver="covariance_eigh").fit(x.astype(np.float64))
    peers = {
        "gradlab": PCA(50),
        "gradlab randomized": PCA(50, solver="randomized", random_state=0),
        "sklearn covariance_eigh": ScikitPCA(50, svd_solver="covariance_eigh"),
        "sklearn randomized": ScikitPCA(50, svd_solver="randomized", random_state=0),
    }
    print("\n50 components against float64: largest relative error of a variance, largest angle")
    for name, pca in peers.items():
        tracemalloc.start()
        pca.fit(x)
        memory = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        error = np.abs(pca.explained_variance_ / reference.explained_variance_ - 1).max()
        ours, theirs = pca.components_.T.astype(np.float64), reference.components_.T
        angle = scipy.linalg.subspace_angles(ours, theirs).max()
        print(f"{name:24}  {error:.1e}  {angle:.1e} rad  {memory:.0f} MiB beyond the data")


if __name__ == "__main__":
    main()
