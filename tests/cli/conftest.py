"""The command line called in this process, with its own cache and its own folder to work in."""

import json
import sys
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from gradlab.cli.main import run


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


SMALL = [
    *("--vary", "optimizer=sgd,adam"),
    *("--set", "hidden=4"),
    *("--set", "batch_size=16"),
    *("--epochs", "3"),
    *("--seeds", "2"),
    *("--learning-rates", "2"),
    *("--tuning-seeds", "2"),
    *("--workers", "1"),
]


def clouds(n=60, *, seed=0) -> pl.DataFrame:
    """Return three overlapping clouds, with a nominal column, missing cells and brackets."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3
    x = rng.normal(size=(n, 2)) + 1.5 * np.stack([label, -label], axis=1)
    return pl.DataFrame(
        {
            "height": x[:, 0],
            "width [cm]": [None if i % 9 == 0 else float(v) for i, v in enumerate(x[:, 1])],
            "colour": [None if i % 11 == 0 else ("red", "blue")[i % 2] for i in range(n)],
            "kind": [("a", "b", "[c]")[i] for i in label],
        }
    )


@pytest.fixture
def gradlab(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradlab.process.configure", lambda: None)
    monkeypatch.setattr("gradlab.process.cache_folder", lambda: tmp_path / ".cache")

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["gradlab", *map(str, arguments)])
        capsys.readouterr()
        code = run()
        said = capsys.readouterr()
        assert "Traceback" not in said.err, said.err
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def small() -> list[str]:
    """Options of a study that takes a second."""
    return SMALL


@pytest.fixture(scope="session")
def data_file(tmp_path_factory):
    """A CSV with a nominal column and missing cells."""
    path = tmp_path_factory.mktemp("data") / "clouds.csv"
    clouds().write_csv(path)
    return path


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory, data_file):
    """A finished study of the command line's."""
    from gradlab.lab.compare import compare
    from gradlab.lab.question import Tuning
    from gradlab.lab.words import parse_set, parse_vary
    from gradlab.training.recipe import Recipe

    folder = tmp_path_factory.mktemp("studies") / "s"
    compare(
        data_file,
        vary=parse_vary(["optimizer=sgd,adam"]),
        base=Recipe(**parse_set(["hidden=4", "batch_size=16", "epochs=3"])),
        seeds=2,
        tune=Tuning(learning_rates=2, seeds=2),
        out=folder,
        workers=1,
    )
    return folder


@pytest.fixture(name="clouds", scope="session")
def _clouds():
    return clouds
