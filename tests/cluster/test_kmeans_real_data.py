"""K-means on public data sets; needs GRADLAB_DATA, a folder that holds them."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import sklearn.cluster
from sklearn.metrics import adjusted_rand_score

from gradlab.cluster import KMeans

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])


def letters():
    path = FOLDER / "letter-recognition" / "letter-recognition.data"
    return np.loadtxt(path, delimiter=",", usecols=range(1, 17)), 26


def digits():
    packed = gzip.decompress((FOLDER / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 784)[:10_000] / 255, 10


@pytest.mark.parametrize("data", [letters, digits])
@pytest.mark.parametrize(
    ("dtype", "rtol", "agreement"), [(np.float64, 1e-9, 1), (np.float32, 1e-3, 0.9)]
)
def test_from_the_same_start_it_ends_where_scikit_learn_does(data, dtype, rtol, agreement):
    x, k = data()
    x = x.astype(dtype)
    rng = np.random.default_rng(1)
    start = x[rng.choice(len(x), k, replace=False)]
    # The letters are whole numbers: rows would be exactly between two rows, and rounding decide.
    start = start + rng.normal(0, 1e-3, start.shape)
    ours = KMeans(k, init=start).fit(x)
    theirs = sklearn.cluster.KMeans(k, init=start, n_init=1).fit(x)
    # In float32 a row between two centroids may go the other way, and others follow it.
    assert adjusted_rand_score(ours.labels_, theirs.labels_) >= agreement
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=rtol)


def test_restarts_are_no_worse():
    x, k = letters()
    ours = KMeans(k, n_init=10, random_state=0).fit(x)
    theirs = sklearn.cluster.KMeans(k, n_init=10, random_state=0).fit(x)
    assert ours.inertia_ <= 1.005 * theirs.inertia_
