"""Public data sets as they are found in the wild; needs GRADLAB_DATA, a folder that holds them."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from gradlab.data import Preprocessor, load_dataset, split_rows
from gradlab.data.fitting import fit_preprocessor
from gradlab.errors import DataError

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])

# path, options, task, rows, numeric columns, nominal columns
SETS = [
    ("titanic/titanic.csv", {"target": "survived"}, "binary", 891, 5, 9),
    ("adult/adult-train.csv", {}, "binary", 32561, 6, 8),
    ("california-housing/housing.csv", {"target": "median_house_value"}, "regression", 20640, 8, 1),
    ("mnist", {}, "multiclass", 70000, 784, 0),
    ("abalone/abalone.csv", {}, "regression", 4177, 7, 1),
    ("penguins/penguins.csv", {"target": "species"}, "multiclass", 344, 4, 2),
    ("diamonds/diamonds.csv", {"target": "price"}, "regression", 53940, 6, 3),
    ("letter-recognition/letter-recognition.data", {"target": 0}, "multiclass", 20000, 16, 0),
    ("beijing-pollution/pollution.csv", {"target": "pm2.5"}, "regression", 41757, 11, 1),
    ("pima-indians-diabetes/pima-indians-diabetes.csv", {}, "binary", 768, 8, 0),
    ("mammography/mammography.csv", {}, "binary", 11183, 6, 0),
    ("ionosphere/ionosphere.csv", {}, "binary", 351, 33, 0),
    ("ecg5000-train/ECG5000_TRAIN.txt", {"target": 0}, "multiclass", 500, 140, 0),
    ("ett-h1/ETTh1.csv", {"time": "date"}, "regression", 17420, 6, 0),
    ("mpg/mpg.csv", {"target": "mpg", "drop": "name"}, "regression", 398, 6, 1),
]


@pytest.mark.parametrize(("path", "options", "task", "rows", "numeric", "nominal"), SETS)
def test_a_set_is_read_split_and_scaled(path, options, task, rows, numeric, nominal):
    data = load_dataset(FOLDER / path, **options)
    assert (data.task, data.n_rows) == (task, rows)
    assert data.features.numeric.shape == (rows, numeric)
    assert len(data.features.nominal) == nominal
    split = split_rows(data)
    z = Preprocessor.fit(data.features, split.train).transform(data.features)
    assert np.isfinite(z).all()
    assert np.abs(z[split.train, :numeric].mean(axis=0)).max() < 1e-3


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("sms-spam/SMSSpamCollection", "'SMS' .free text"),
        ("sentiment-sentences/imdb_labelled.txt", "'column_1' .free text"),
        ("mpg/mpg.csv", "'name' .IDs or names"),
        ("airline-passengers/airline-passengers.csv", "'Month' .dates"),
        ("bank-marketing/bank-additional.zip", "Unpack it"),
    ],
)
def test_a_set_that_needs_a_person(path, match):
    target = {"SMSSpamCollection": "Label", "mpg.csv": "mpg"}.get(Path(path).name)
    with pytest.raises(DataError, match=match):
        load_dataset(FOLDER / path, target=target)


def test_mnist_is_read_in_a_moment():
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        load_dataset(FOLDER / "mnist")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.5


# path, options, shape of what the network sees of a row, shape of y
ORDERED = [
    ("italy-power-demand", {}, (24, 1), (1096,)),
    ("basic-motions", {}, (100, 6), (80,)),
    ("gunpoint", {}, (150, 1), (200,)),
    ("ecg5000-train/ECG5000_TRAIN.txt", {"series": "rows", "target": 0}, (140, 1), (500,)),
    (
        "airline-passengers/airline-passengers.csv",
        {"horizon": 12, "window": 24},
        (24, 1),
        (109, 12),
    ),
    ("ett-h1/ETTh1.csv", {"horizon": 24, "window": 96}, (96, 7), (17301, 24)),
    ("monthly-sunspots/monthly-sunspots.csv", {"horizon": 12}, (24, 1), (2785, 12)),
    ("daily-min-temperatures/daily-min-temperatures.csv", {"horizon": 7}, (14, 1), (3630, 7)),
    (
        "beijing-pollution/pollution.csv",
        {"horizon": 24, "window": 48, "target": "pm2.5"},
        (48, 16),
        (37714, 24),
    ),
    ("sms-spam/SMSSpamCollection", {"text": "SMS"}, (42,), (5574,)),
    ("sentiment-sentences/imdb_labelled.txt", {"text": 0}, (39,), (1000,)),
    ("tiny-shakespeare/input.txt", {"window": 100}, (100,), (11153, 100)),
]


@pytest.mark.parametrize(("path", "options", "shape", "y"), ORDERED)
def test_sequences_windows_and_texts(path, options, shape, y):
    data = load_dataset(FOLDER / path, **options)
    split = split_rows(data)
    fitted = fit_preprocessor(data.features, split.train)
    x = fitted.transform(data.features)
    assert data.y.shape == y
    assert x.shape == (y[0], *shape)
    assert np.isfinite(x).all()
    if x.dtype == np.float32:
        # Not 0: gaps are filled after the statistics, and "is missing" is not scaled.
        assert np.abs(x[split.train].mean(axis=(0, 1))).max() < 0.05
