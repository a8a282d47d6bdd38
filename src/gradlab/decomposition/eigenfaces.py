"""Eigenfaces: principal components of pictures, each a picture itself."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gradlab.decomposition.pca import PCA
from gradlab.errors import DataError, RecipeError


class EigenFaces(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """PCA of pictures: face = mean face + a_1 · eigenface_1 + … + a_n · eigenface_n.

    `transform` gives the weights a of each face, `blend` the face of weights.

    Args:
        n_components: Eigenfaces: an int, or a share of the variance as for `PCA`.
        image_shape: (height, width) or (height, width, channels) of faces that are given as rows;
            not needed for X of shape (faces, height, width[, channels]).
        whiten: Give the weights variance 1.
        solver: As for `PCA`.
        random_state: As for `PCA`.

    Attributes:
        pca_: The fitted `PCA` of the rows of pixels.
        image_shape_: Of one face; None if rows came without a shape.
        mean_face_: Mean of all faces, in the shape of a face.
        components_, explained_variance_, contribution_, cumulative_, n_components_: As of `PCA`.

    Source: catalogue DIM-10; Turk and Pentland 1991, "Eigenfaces for recognition".

    >>> faces = np.random.default_rng(0).uniform(size=(10, 4, 3))
    >>> eigen = EigenFaces(9).fit(faces)
    >>> eigen.images().shape, bool(np.allclose(eigen.reconstruct(faces), faces))
    ((9, 4, 3), True)
    """

    def __init__(
        self,
        n_components: Any,
        *,
        image_shape: Any = None,
        whiten: Any = False,
        solver: Any = "auto",
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.image_shape = image_shape
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X may have more than two axes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(self, X, y=None):
        """Find the eigenfaces of X, (faces, height, width[, channels]) or rows of pixels."""
        self._fitted(X)
        return self

    def fit_transform(self, X, y=None):  # type: ignore[override]
        """Find the eigenfaces of X and return its weights."""
        return self._fitted(X)

    def transform(self, X):
        """Return the weights of each face, (faces, n_components)."""
        check_is_fitted(self)
        return self.pca_.transform(self._same(X))

    def inverse_transform(self, X):
        """Return the rows of pixels, (faces, features), that have these weights."""
        check_is_fitted(self)
        return self.pca_.inverse_transform(X)

    def reconstruct(self, X, n_components: Any = None):
        """Return what the first components keep of each face, in the shape of X.

        Args:
            X: Faces.
            n_components: Eigenfaces used; None for all that were kept, 0 for the mean face.
        """
        check_is_fitted(self)
        weights = self.pca_.transform(self._same(X))
        n = weights.shape[1] if n_components is None else n_components
        if not 0 <= n <= weights.shape[1]:
            raise RecipeError(
                f"n_components lies between 0 and the {weights.shape[1]} eigenfaces kept; got {n}."
            )
        weights[:, n:] = 0
        return self.pca_.inverse_transform(weights).reshape(np.shape(X))

    def blend(self, weights: Any) -> np.ndarray:
        """Return mean face + Σ_j weights_j · eigenface_j, in the shape of a face.

        Args:
            weights: Of the first eigenfaces, at most as many as were kept; in standard deviations
                if `whiten`.
        """
        check_is_fitted(self)
        given = np.asarray(weights, self.pca_.components_.dtype)
        if given.ndim != 1 or len(given) > self.n_components_:
            raise DataError(
                f"blend takes at most {self.n_components_} weights in a row; got shape "
                f"{given.shape}."
            )
        full = np.zeros((1, self.n_components_), given.dtype)
        full[0, : len(given)] = given
        return self.pca_.inverse_transform(full)[0].reshape(self._shape())

    def images(self, n_components: Any = None) -> Float[np.ndarray, "eigenfaces ..."]:
        """Return the eigenfaces for display, from 0 to 1: 0.5 stands for 0.

        Each is divided by twice its own largest number, so faint ones are seen as well.
        """
        check_is_fitted(self)
        faces = self.pca_.components_[:n_components]
        largest = np.abs(faces).max(axis=1, keepdims=True)
        shown = 0.5 + 0.5 * faces / np.where(largest > 0, largest, 1)
        return shown.reshape(len(faces), *self._shape())

    @property
    def mean_face_(self) -> np.ndarray:
        """Mean of the faces seen in fit."""
        check_is_fitted(self)
        return self.pca_.mean_.reshape(self._shape())

    @property
    def components_(self):
        """The eigenfaces as rows of pixels."""
        return self.pca_.components_

    @property
    def explained_variance_(self):
        """Variance of each weight before whitening."""
        return self.pca_.explained_variance_

    @property
    def contribution_(self):
        """Share of each eigenface in the whole variance."""
        return self.pca_.contribution_

    @property
    def cumulative_(self):
        """Running sum of the contributions."""
        return self.pca_.cumulative_

    @property
    def n_components_(self) -> int:
        """Eigenfaces kept."""
        return self.pca_.n_components_

    @property
    def _n_features_out(self) -> int:
        return self.pca_.n_components_

    def _fitted(self, X):
        """Fit and return the weights."""
        rows, own = _rows(X)
        shape = None if self.image_shape is None else tuple(self.image_shape)
        if own is not None and shape is not None and own != shape:
            raise RecipeError(f"the faces are of shape {own}; got image_shape={shape}.")
        if own is None and shape is not None and math.prod(shape) != _width(rows):
            raise RecipeError(
                f"image_shape={shape} holds {math.prod(shape)} numbers, but each row of X holds "
                f"{_width(rows)}."
            )
        pca: Any = PCA(
            self.n_components,
            solver=self.solver,
            whiten=self.whiten,
            random_state=self.random_state,
        ).set_output(transform="default")
        weights = pca.fit_transform(rows)
        self.pca_, self.image_shape_ = pca, own or shape
        self.n_features_in_ = pca.n_features_in_
        if hasattr(pca, "feature_names_in_"):
            self.feature_names_in_ = pca.feature_names_in_
        return weights

    def _same(self, X: Any) -> Any:
        """Return faces as rows, if they have the shape of those it was fitted to."""
        rows, own = _rows(X)
        if own is not None and self.image_shape_ is not None and own != self.image_shape_:
            raise DataError(
                f"EigenFaces was fitted to faces of shape {self.image_shape_}; got {own}."
            )
        return rows

    def _shape(self) -> tuple[int, ...]:
        if self.image_shape_ is None:
            raise RecipeError(
                "the faces came as rows, whose shape is not known; give image_shape=(height, "
                "width), or X of shape (faces, height, width)."
            )
        return self.image_shape_


def _rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Return faces as rows of pixels, and their shape; rows and tables stay as they are."""
    if hasattr(X, "columns") or hasattr(X, "toarray"):  # a table, with its names; or sparse
        return X, None
    faces = np.asarray(X)
    if faces.ndim <= 2:
        return X, None
    return faces.reshape(len(faces), -1), faces.shape[1:]


def _width(rows: Any) -> int | None:
    """Return the number of pixels in a row; None if these are no rows."""
    shape = np.shape(rows)
    return shape[1] if len(shape) == 2 else None
