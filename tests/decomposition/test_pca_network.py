"""Networks that learn principal components, beside PCA."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition import PCA, PCANetwork
from gradlab.errors import DataError, RecipeError


@pytest.fixture(scope="module")
def digits():
    return load_digits().data.astype(np.float32)


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(5).fit(digits)


def cosines(network, pca):
    lengths = np.linalg.norm(network.components_, axis=1)
    k = len(lengths)
    return np.abs((network.components_ * pca.components_[:k]).sum(axis=1)) / lengths


@pytest.mark.parametrize(
    "network",
    [
        PCANetwork(2, epochs=3),
        PCANetwork(1, rule="oja", epochs=3),
        PCANetwork(2, rule="autoassociator", epochs=3),
    ],
    ids=str,
)
def test_it_keeps_scikit_learns_contract(network):
    if network.n_components == 2:  # some checks have one feature
        network.set_params(n_components=1)
    results = check_estimator(network, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert len(results) > 35


@pytest.mark.catalogue("DIM-12", "CMP-29")
@pytest.mark.parametrize(("rule", "k"), [("sanger", 5), ("oja", 1), ("autoassociator", 5)])
def test_it_converges_to_the_components(rule, k, digits, pca):
    network = PCANetwork(k, rule=rule, epochs=60, random_state=0).fit(digits)
    assert cosines(network, pca).min() > 0.99
    np.testing.assert_allclose(network.explained_variance_, pca.explained_variance_[:k], rtol=0.02)
    assert network.errors_[-1] < network.errors_[0]
    # What is left over is the sum of the other eigenvalues.
    left = pca.total_variance_ - pca.explained_variance_[:k].sum()
    assert network.errors_[-1] == pytest.approx(left, rel=0.01)
    back = network.inverse_transform(network.transform(digits))
    assert np.mean((back - digits) ** 2) * 64 == pytest.approx(left, rel=0.01)


def test_the_autoassociator_alone_finds_the_space_and_not_the_axes(digits, pca):
    settings = {"rule": "autoassociator", "epochs": 60, "random_state": 0}
    plain = PCANetwork(5, rotate=False, **settings).fit(digits)
    angles = subspace_angles(plain.components_.T.astype(float), pca.components_.T.astype(float))
    assert angles.max() < 0.05
    assert cosines(plain, pca).min() < 0.9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_seed_same_bits_and_the_precision_of_the_data(dtype, digits):
    x = digits[:300].astype(dtype)
    first, second = (PCANetwork(2, epochs=3, random_state=3).fit(x) for _ in range(2))
    np.testing.assert_array_equal(first.components_, second.components_)
    assert first.components_.dtype == first.transform(x).dtype == dtype


def test_batch_by_batch(digits, pca):
    network = PCANetwork(2, random_state=0)
    for epoch in range(30):
        for part in np.array_split(digits[np.random.default_rng(epoch).permutation(1797)], 3):
            network.partial_fit(part)
    assert cosines(network, pca).min() > 0.99
    assert network.n_epochs_ == len(network.errors_) == 90
    np.testing.assert_allclose(network.mean_, digits.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_unit_of_the_data_does_not_matter(scale, digits):
    x = digits[:300]
    plain = PCANetwork(2, epochs=10, random_state=0).fit(x)
    scaled = PCANetwork(2, epochs=10, random_state=0).fit(x * np.float32(scale))
    np.testing.assert_allclose(plain.components_, scaled.components_, atol=1e-2)
    ratio = scaled.explained_variance_ / plain.explained_variance_ / scale**2
    np.testing.assert_allclose(ratio, 1, rtol=1e-2)


def test_constant_rows_give_numbers():
    network = PCANetwork(1, epochs=2, random_state=0).fit(np.full((8, 3), 2.5))
    assert np.isfinite(network.components_).all()
    assert network.explained_variance_ == 0


def test_oversized_rates_do_not_diverge(digits):
    network = PCANetwork(3, learning_rate=1e6, epochs=3, random_state=0).fit(digits)
    assert np.isfinite(network.components_).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 65}, "at most the number of features, 64; got 65"),
        ({"n_components": 0}, "n_components is a whole number from 1; got 0"),
        ({"n_components": 2, "rule": "oja"}, "Use rule='sanger' for more"),
        ({"rule": "sangar"}, "Did you mean 'sanger'"),
        ({"epochs": 2.5}, "epochs is a whole number from 1; got 2.5"),
        ({"batch_size": True}, "batch_size is a whole number from 1; got True"),
        ({"learning_rate": 0}, "learning_rate is a finite number above 0; got 0"),
        ({"decay": -1}, "decay is a finite number not below 0; got -1"),
    ],
)
def test_refused(settings, message, digits):
    with pytest.raises(RecipeError, match=message):
        PCANetwork(**settings).fit(digits)


def test_bad_data(digits):
    with pytest.raises(DataError, match=r"needs at least 2 rows.*n_samples=1"):
        PCANetwork(1).fit(digits[:1])
    network = PCANetwork(2, epochs=1).fit(digits)
    with pytest.raises(DataError, match=r"takes rows of 2 outputs.*\(3, 5\)"):
        network.inverse_transform(np.zeros((3, 5)))
