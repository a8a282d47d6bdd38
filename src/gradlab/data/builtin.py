"""The data sets that come with scikit-learn, by name."""

import gzip
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data.arrays import Arrays


def digits() -> Arrays:
    """1797 handwritten digits, 8 x 8 pixels in 17 grey levels, 10 classes."""
    table = _digits_table()
    images = table[:, :64].reshape(-1, 8, 8).astype(np.uint8)  # whole numbers from 0 to 16
    labels = table[:, 64].astype(np.int64)
    return Arrays("digits", images, labels, target_name="digit", are_labels=True)


def _digits_table() -> np.ndarray:
    """Return the 64 pixels and the label of every digit, (1797, 65)."""
    # The default study reads this set. Importing scikit-learn for it takes longer than anything
    # else that happens before training, so the file is read where it lies, if it still lies there.
    package = importlib.util.find_spec("sklearn")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            with gzip.open(path, "rt") as file:
                return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return np.column_stack([bunch.data, bunch.target])


def iris() -> Arrays:
    """150 flowers, 4 measures, 3 species."""
    from sklearn.datasets import load_iris

    return _named("iris", load_iris(), "species")


def wine() -> Arrays:
    """178 wines, 13 chemical measures, 3 growers."""
    from sklearn.datasets import load_wine

    return _named("wine", load_wine(), "grower")


def breast_cancer() -> Arrays:
    """569 tumours, 30 measures of cell nuclei, benign or malignant."""
    from sklearn.datasets import load_breast_cancer

    return _named("breast_cancer", load_breast_cancer(), "diagnosis")


def diabetes() -> Arrays:
    """442 patients, 10 measures in their own units, progression a year later (regression)."""
    from sklearn.datasets import load_diabetes

    bunch: Any = load_diabetes(scaled=False)
    names = tuple(bunch.feature_names)
    return Arrays("diabetes", bunch.data, bunch.target, names=names, target_name="progression")


def _named(name: str, bunch: Any, target_name: str) -> Arrays:
    labels = np.asarray(bunch.target_names).astype(str)[bunch.target]
    names = tuple(str(column) for column in bunch.feature_names)
    return Arrays(name, bunch.data, labels, names=names, target_name=target_name)


BUILTIN: dict[str, Callable[[], Arrays]] = {
    "digits": digits,
    "iris": iris,
    "wine": wine,
    "breast_cancer": breast_cancer,
    "diabetes": diabetes,
}
