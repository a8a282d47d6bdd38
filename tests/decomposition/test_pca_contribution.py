"""The table of contributions, the 70 % rule and the bend of the scree plot."""

import numpy as np
import pytest

from gradlab.decomposition import PCA, components_for, contribution_table, scree_bend
from gradlab.errors import DataError, RecipeError

EIGENVALUES = [4.724, 1.143, 0.884, 0.599, 0.502, 0.487, 0.471, 0.451, 0.376, 0.363]
PRINTED = [47.242, 11.433, 8.836, 5.992, 5.019, 4.874, 4.709, 4.510, 3.759, 3.625]
PRINTED_SUMS = [47.242, 58.675, 67.510, 73.502, 78.522, 83.396, 88.105, 92.615, 96.375, 100.0]


@pytest.mark.catalogue("WE-20", "DIM-07")
def test_table_of_the_course():
    table = contribution_table(EIGENVALUES)
    np.testing.assert_allclose(100 * table["contribution"], PRINTED, atol=0.0051)
    np.testing.assert_allclose(100 * table["cumulative"], PRINTED_SUMS, atol=0.0061)
    assert table["component"].to_list() == list(range(1, 11))
    assert components_for(EIGENVALUES, 0.7) == 4
    assert components_for(EIGENVALUES) == 4


def test_ten_standardized_variables_with_that_correlation_give_that_table(rng):
    # Rows whose correlation matrix has exactly these eigenvalues: the diagonal is 1 after turning.
    size = len(EIGENVALUES)
    values = np.array(EIGENVALUES) * size / np.sum(EIGENVALUES)
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = turn @ np.diag(values) @ turn.T
    for i in range(size - 1):  # Givens rotations that bring the diagonal to 1 one by one
        j = next(j for j in range(i + 1, size) if (matrix[i, i] - 1) * (matrix[j, j] - 1) <= 0)
        a, b, c = matrix[i, i], matrix[i, j], matrix[j, j]
        t = (b + np.sqrt(b * b - (a - 1) * (c - 1))) / (c - 1)
        cosine = 1 / np.sqrt(1 + t * t)
        rotation = np.eye(size)
        rotation[[i, i, j, j], [i, j, i, j]] = cosine, t * cosine, -t * cosine, cosine
        matrix = rotation.T @ matrix @ rotation
    white = np.linalg.qr(rng.normal(size=(200, size)) - 0)[0]
    white -= white.mean(axis=0)
    white = np.linalg.qr(white)[0] * np.sqrt(199)
    x = white @ np.linalg.cholesky(matrix).T * 10.0 ** np.arange(size) + 5
    pca = PCA(standardize=True).fit(x)
    np.testing.assert_allclose(pca.explained_variance_, values, rtol=1e-6)
    np.testing.assert_allclose(100 * pca.table()["contribution"], PRINTED, atol=0.0051)
    assert pca.n_components_for(0.7) == PCA(0.7, standardize=True).fit(x).n_components_ == 4


def test_shares_of_a_part_are_of_the_whole():
    table = contribution_table(EIGENVALUES[:3], total=10)
    assert table["cumulative"][-1] == pytest.approx(0.6751)
    with pytest.raises(DataError, match=r"the 3 components kept reach 67\.5% of the variance"):
        components_for(EIGENVALUES[:3], 0.7, total=10)


def test_thirds_add_up():
    assert components_for([1.0, 1.0, 1.0], 2 / 3) == 2
    assert components_for([1.0] * 10, 0.7) == 7
    assert components_for([1.0, 0.0], 1.0) == 1


def test_no_variance_at_all():
    assert contribution_table([0.0, 0.0])["contribution"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [[1.0, 2.0], [1.0, -0.1], [np.nan], [np.inf, 1.0]])
def test_eigenvalues_that_are_none(bad):
    with pytest.raises(DataError, match="finite, not negative, and fall"):
        contribution_table(bad)


@pytest.mark.parametrize("share", [0.0, 1.1, -1.0])
def test_shares_that_are_none(share):
    with pytest.raises(RecipeError, match="lies above 0 and is at most 1"):
        components_for(EIGENVALUES, share)


@pytest.mark.parametrize(
    ("eigenvalues", "bend"),
    [
        (EIGENVALUES, 2),
        ([10.0, 9.0, 8.0, 1.0, 0.9, 0.8], 4),
        ([3.0, 2.0, 1.0], None),  # straight
        ([4.0, 3.5, 0.0], None),  # falls ever faster
        ([1.0, 1.0, 1.0], None),
        ([2.0, 1.0], None),
    ],
)
def test_bend(eigenvalues, bend):
    assert scree_bend(eigenvalues) == bend
    assert scree_bend(np.array(eigenvalues) * 1e-9) == bend
