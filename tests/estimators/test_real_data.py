"""Estimators on public data sets; needs GRADLAB_DATA, a folder that holds them."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gradlab.data import load_dataset
from gradlab.estimators import (
    CharLanguageModel,
    ConvClassifier,
    Forecaster,
    RecurrentClassifier,
    TextClassifier,
)

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])


def parts(path: str, **options):
    """Return training rows, their labels, test rows and theirs, of data with a test part."""
    data = load_dataset(FOLDER / path, **options)
    x = data.features.numeric.reshape(-1, *data.features.row_shape)
    y = np.array(data.classes)[data.y]
    train = np.setdiff1d(np.arange(len(x)), data.test_rows)
    return x[train], y[train], x[data.test_rows], y[data.test_rows]


def test_mnist():
    x, y, x_test, y_test = parts("mnist")
    model = ConvClassifier(epochs=4, random_state=0).fit(x[:8000], y[:8000])
    assert model.score(x_test[:4000], y_test[:4000]) > 0.95


@pytest.mark.parametrize(("name", "score"), [("BasicMotions", 0.9), ("ItalyPowerDemand", 0.93)])
def test_series(name, score):
    folder = {"BasicMotions": "basic-motions", "ItalyPowerDemand": "italy-power-demand"}[name]
    x, y, x_test, y_test = parts(
        f"{folder}/{name}_TRAIN.ts", test=FOLDER / folder / f"{name}_TEST.ts"
    )
    model = RecurrentClassifier(
        layers=["conv 16 5", "pool 2", "gru 32"], epochs=60, batch_size=8, random_state=0
    )
    assert model.fit(x.astype(np.float32), y).score(x_test, y_test) > score


def test_messages():
    lines = (FOLDER / "sms-spam" / "SMSSpamCollection").read_text("utf-8").splitlines()
    y, x = zip(*(line.split("\t", 1) for line in lines), strict=True)
    model = TextClassifier(layers="bag", random_state=0).fit(x[:4000], y[:4000])
    # 86.6 % of the messages are none of spam.
    assert model.score(x[4000:], y[4000:]) > 0.96


def test_passengers():
    table = pl.read_csv(FOLDER / "airline-passengers" / "airline-passengers.csv")
    passengers = table["Passengers"].to_numpy()
    test = Forecaster(horizon=12, season=12, random_state=0).backtest(passengers)
    assert test.ratio < 0.6


def test_oil_temperature():
    hours = pl.read_csv(FOLDER / "ett-h1" / "ETTh1.csv")["OT"].to_numpy()
    forecaster = Forecaster(
        horizon=24, window=48, layers=["gru 16"], epochs=3, batch_size=128, random_state=0
    )
    assert forecaster.backtest(hours, season=24).ratio < 0.9


def test_plays():
    text = (FOLDER / "tiny-shakespeare" / "input.txt").read_text("utf-8")
    model = CharLanguageModel(epochs=2, learning_rate=0.003, random_state=0).fit(text[:200_000])
    # Knowing how often each character comes takes 4.8 bits.
    assert model.bits_per_character(text[200_000:210_000]) < 3.2
    words = model.sample(1000, temperature=0.5, start="ROMEO:\n").split()
    assert sum(word.lower() in ("the", "and", "to", "of", "i", "you") for word in words) > 5
