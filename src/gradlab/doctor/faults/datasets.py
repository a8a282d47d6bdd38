"""Public data sets as arrays for small programs, read from a folder that holds their files.

Nothing is scaled here: that is a setting of a program, and one that faults take away.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from jaxtyping import Float
from PIL import Image

from gradlab.errors import DataError


@dataclass(frozen=True)
class Rows:
    """A data set's rows in a fixed, mixed order.

    Attributes:
        name: Of the data set.
        task: What is to be answered.
        inputs: Of every row: columns, (steps, channels), or (rows, columns, channels) of images.
        targets: Class numbers from 0, or numbers.
        n_train: So many rows train; the rest judge.
    """

    name: str
    task: Literal["binary", "multiclass", "regression"]
    inputs: Float[np.ndarray, "rows ..."]
    targets: Float[np.ndarray, " rows"]
    n_train: int


def read_rows(name: str, folder: Path, *, at_most: int = 1600) -> Rows:
    """Read a data set: a quarter of at most so many rows, drawn with a fixed seed, judges.

    Args:
        name: A key of `READERS`.
        folder: Holds a folder for each data set.
        at_most: Rows to keep.

    Returns:
        Its rows.

    Raises:
        DataError: The name is unknown or the file is not there.
    """
    if name not in READERS:
        raise DataError(f"Expected one of {', '.join(READERS)}; came {name!r}.")
    reader, task = READERS[name]
    try:
        inputs, targets = reader(folder)
    except FileNotFoundError as error:
        raise DataError(
            f"Expected the file of {name} below {folder}; it is not there. Name the folder that "
            "holds the data sets."
        ) from error
    if task == "regression":
        codes = targets.astype(np.float64)
    else:
        codes = np.unique(targets, return_inverse=True)[1].astype(np.float64)
    order = np.random.default_rng(0).permutation(len(codes))[:at_most]
    return Rows(
        name, task, inputs[order].astype(np.float64), codes[order], len(order) - len(order) // 4
    )


Reader = Callable[[Path], tuple[np.ndarray, np.ndarray]]


def _table(path: str, target: int | str, *, header: bool = False, without: tuple[str, ...] = ()):
    """Read a CSV file: numbers as they are, words as one column a value; gaps drop the row."""

    def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
        frame = pl.read_csv(
            folder / path, has_header=header, null_values=["", "?", " ?"], infer_schema_length=None
        )
        frame = frame.drop(without).drop_nulls()
        answer = frame.columns[target] if isinstance(target, int) else target
        words = [x for x in frame.columns if frame[x].dtype in (pl.String, pl.Boolean)]
        inputs = frame.drop(answer).to_dummies([x for x in words if x != answer])
        return inputs.cast(pl.Float64).to_numpy(), frame[answer].to_numpy()

    return read


def _mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(folder / "mnist/t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder / "mnist/t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images, labels


def _digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the 8 x 8 digits that come with scikit-learn, stretched to 0..255."""
    from sklearn.datasets import load_digits

    flat, targets = load_digits(return_X_y=True)
    return (np.asarray(flat) * (255 / 16)).reshape(-1, 8, 8, 1), np.asarray(targets)


def _cifar(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read airplanes, automobiles and deer of the first parts, at half their width and height."""
    parts = [Image.open(folder / f"cifar10-subset/cifar10_batch_{i}.png") for i in range(6)]
    images = np.concatenate([np.asarray(x).reshape(-1, 32, 32, 3) for x in parts])
    text = (folder / "cifar10-subset/labels_train.txt").read_text(encoding="utf-8")
    labels = np.array(text.replace(",", " ").split(), int)[: len(images)]
    kept = np.isin(labels, (0, 1, 4))
    halved = images[kept].reshape(-1, 16, 2, 16, 2, 3).mean((2, 4))
    return halved, labels[kept]


def _series(path: str, column: str, steps: int) -> Reader:
    """Read a monthly or daily series as windows; the value after a window is its target."""

    def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
        values = pl.read_csv(folder / path)[column].cast(pl.Float64).to_numpy()
        windows = np.lib.stride_tricks.sliding_window_view(values, steps + 1)
        return windows[:, :-1, None], windows[:, -1]

    return read


def _power(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read half days of Italian power demand: winter or summer from 24 hours."""
    rows = []
    for part in ("TRAIN", "TEST"):
        path = folder / f"italy-power-demand/ItalyPowerDemand_{part}.ts"
        lines = path.read_text(encoding="utf-8").splitlines()
        rows += [x.replace(":", ",").split(",") for x in lines if x and x[0] not in "#@"]
    values = np.array(rows, float)
    return values[:, :-1, None], values[:, -1]


def _heartbeats(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read heartbeats, every fifth of 140 steps: normal or not."""
    values = np.loadtxt(folder / "ecg5000-train/ECG5000_TRAIN.txt")
    return values[:, 1::5, None], values[:, 0] > 1


def _messages(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read short messages as counts of their 200 commonest words: spam or not."""
    from sklearn.feature_extraction.text import CountVectorizer

    lines = (folder / "sms-spam/SMSSpamCollection").read_text(encoding="utf-8").splitlines()
    pairs = [x.split("\t", 1) for x in lines[1:] if "\t" in x]
    counts: Any = CountVectorizer(max_features=200).fit_transform([x[1] for x in pairs])
    return counts.toarray(), np.array([x[0] == "spam" for x in pairs])


READERS: dict[str, tuple[Reader, Literal["binary", "multiclass", "regression"]]] = {
    "penguins": (_table("penguins/penguins.csv", "species", header=True), "multiclass"),
    "pima": (_table("pima-indians-diabetes/pima-indians-diabetes.csv", -1), "binary"),
    "ionosphere": (_table("ionosphere/ionosphere.csv", -1), "binary"),
    "spambase": (_table("spambase/spambase.data", -1, header=True), "binary"),
    "mpg": (_table("mpg/mpg.csv", "mpg", header=True, without=("name",)), "regression"),
    "california": (
        _table("california-housing/housing.csv", "median_house_value", header=True),
        "regression",
    ),
    "mnist": (_mnist, "multiclass"),
    "digits": (_digits, "multiclass"),
    "power": (_power, "binary"),
    "sunspots": (_series("monthly-sunspots/monthly-sunspots.csv", "Sunspots", 18), "regression"),
    "phoneme": (_table("phoneme/phoneme.csv", -1), "binary"),
    "letters": (_table("letter-recognition/letter-recognition.data", 0), "multiclass"),
    "diamonds": (_table("diamonds/diamonds.csv", "price", header=True), "regression"),
    "boston": (_table("boston-housing/housing.csv", -1), "regression"),
    "messages": (_messages, "binary"),
    "cifar": (_cifar, "multiclass"),
    "heartbeats": (_heartbeats, "binary"),
}
"""Name to how it is read, and its task."""
