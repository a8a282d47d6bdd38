"""Parity with scikit-learn on public data sets; needs GRADLAB_DATA, a folder that holds them."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA as ScikitPCA

from gradlab.decomposition import PCA, EigenFaces, compress_image, compress_images

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])


def letters():
    lines = (FOLDER / "letter-recognition" / "letter-recognition.data").read_text().split()
    return np.array([line.split(",")[1:] for line in lines], dtype=np.float64)


def olivetti():
    faces = loadmat(FOLDER / "olivetti-faces" / "olivettifaces.mat")["faces"]
    return faces.T.reshape(400, 64, 64).swapaxes(1, 2)


def mnist():
    packed = (FOLDER / "mnist" / "train-images-idx3-ubyte.gz").read_bytes()
    images = np.frombuffer(gzip.decompress(packed), np.uint8, offset=16)
    return images.reshape(-1, 784).astype(np.float32)


def compare(x, k, *, rtol, angle):
    ours = PCA(k).fit(x)
    theirs = ScikitPCA(k, svd_solver="full").fit(x.astype(np.float64))
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=rtol)
    np.testing.assert_allclose(ours.contribution_, theirs.explained_variance_ratio_, rtol=rtol)
    found = ours.components_.T.astype(np.float64)
    assert subspace_angles(found, theirs.components_.T).max() < angle
    assert ((ours.components_ * theirs.components_).sum(axis=1) > 0).all()  # the same signs
    return ours


def test_letters():
    ours = compare(letters(), 16, rtol=1e-10, angle=1e-7)
    assert ours.solver_ == "svd"
    again = PCA()
    for part in np.array_split(letters(), 7):
        again.partial_fit(part)
    np.testing.assert_allclose(again.explained_variance_, ours.explained_variance_, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-10)])
def test_olivetti(dtype, rtol):
    ours = compare(olivetti().reshape(400, -1).astype(dtype) / 255, 399, rtol=1e3 * rtol, angle=1)
    assert ours.solver_ == "gram"
    compare(olivetti().reshape(400, -1).astype(dtype) / 255, 50, rtol=rtol, angle=1e-3)


def test_eigenfaces_of_olivetti():
    faces = olivetti() / 255
    eigen = EigenFaces(300).fit(faces[:360])
    for part in (faces[:360], faces[360:]):  # people of the training set and others
        counts = (0, 1, 5, 20, 100, 300)
        errors = [np.mean((eigen.reconstruct(part, n) - part) ** 2) for n in counts]
        assert (np.diff(errors) < 0).all()
    assert eigen.mean_face_.shape == (64, 64)
    table = compress_images(olivetti(), [5, 20, 80, 160]).table
    assert (np.diff(table["psnr"]) > 0).all()
    assert (np.diff(table["ssim"]) > 0).all()


def test_mnist():
    ours = compare(mnist(), 50, rtol=1e-5, angle=1e-3)
    assert ours.solver_ == "covariance"
    assert ours.constant_features_.sum() == 67


@pytest.mark.parametrize("patch", [None, 8])
def test_photo(patch):
    photo = np.asarray(Image.open(FOLDER / "photos" / "chelsea.png").convert("RGB"))
    table = compress_image(photo, [1, 5, 20, 80], patch=patch).table
    assert (np.diff(table["psnr"]) > 0).all()
    assert (np.diff(table["ssim"]) > 0).all()
    assert table["psnr"][-1] > 35
