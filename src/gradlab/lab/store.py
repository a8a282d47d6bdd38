"""The study folder: what was asked, every run that is done, and nothing half written.

    study.toml             the question, enough to repeat it
    data.parquet           a snapshot, if the data came from memory
    runs.sqlite            meta, runs, history
    weights/*.safetensors  trained weights of judged runs, several runs a file
    checkpoints/           states of long runs under way
    report.html

One process writes. `runs.sqlite` keeps a rollback journal, not a write-ahead log: a copy of the
one file is then whole. A weights file is on the disk before the rows that name it.
"""

import contextlib
import dataclasses
import json
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from gradlab.errors import StudyError
from gradlab.files import write_whole

SCHEMA = 1
STUDY_FILE = "study.toml"
DATABASE = "runs.sqlite"

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, phase TEXT NOT NULL, cell TEXT NOT NULL, recipe TEXT NOT NULL,
    seed INTEGER NOT NULL,
    split INTEGER NOT NULL, status TEXT NOT NULL, epochs INTEGER NOT NULL,
    best_epoch INTEGER NOT NULL, learning_rate REAL NOT NULL, validation_score REAL NOT NULL,
    validation_loss REAL, train_loss REAL, seconds REAL NOT NULL, weights TEXT
);
CREATE TABLE IF NOT EXISTS history (run TEXT PRIMARY KEY REFERENCES runs(id), epochs BLOB NOT NULL);
"""


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """One row of `runs`, with its history."""

    id: str
    phase: str
    cell: str
    recipe: dict[str, Any]
    seed: int
    split: int
    status: str
    epochs: int
    best_epoch: int
    learning_rate: float
    validation_score: float
    validation_loss: float | None
    train_loss: float | None
    seconds: float
    weights: str | None
    history: np.ndarray
    """(epochs, 3) float64: train loss, validation loss, validation score."""


_COLUMNS = tuple(field.name for field in dataclasses.fields(StoredRun))[:-1]
"""Of the table `runs`; the history has a table of its own."""


class Store:
    """An open study folder.

    Raises:
        StudyError: If the folder holds no study's database, a damaged one, or another version's.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open the database of a study folder.

        Args:
            folder: Of the study.
            create: Make the database where there is none.
        """
        self.folder = folder
        path = folder / DATABASE
        if not create and not path.exists():
            raise StudyError(
                f"The study in {folder} has not begun: it has no {DATABASE}. "
                f"Run: gradlab resume {folder}"
            )
        with self._reading():
            self.connection = sqlite3.connect(path, timeout=5)
        try:
            self._open(create)
        except BaseException:
            self.connection.close()
            raise

    def _open(self, create: bool) -> None:
        if create:
            with self._writing():
                self.connection.execute("PRAGMA journal_mode=DELETE")
                self.connection.executescript(_TABLES)
        found = self.meta("schema")
        if found is None and create:
            self.set_meta(schema=str(SCHEMA))
        elif found != str(SCHEMA):
            raise StudyError(
                f"{self.folder} was written by another version of Gradlab (schema {found}, this "
                f"one reads {SCHEMA}). Open it with that version, or run the study again."
            )

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def meta(self, key: str) -> str | None:
        """Return a stored fact, or None."""
        query = "SELECT value FROM meta WHERE key = ?"
        with self._reading():
            row = self.connection.execute(query, (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, **facts: str) -> None:
        """Store facts about the study."""
        with self._writing():
            self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())

    def add(self, runs: list[StoredRun], weights: dict[str, np.ndarray]) -> None:
        """Store finished runs and the packed weights of those that have any, whole or not at all.

        Args:
            runs: Their rows.
            weights: Words by run id.
        """
        name = None
        if weights:
            name = f"{runs[0].id}.safetensors"
            self.write_tensors(Path("weights") / name, weights)
        with self._writing():
            self.connection.executemany(
                "INSERT OR REPLACE INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [
                    (
                        r.id,
                        r.phase,
                        r.cell,
                        json.dumps(r.recipe, sort_keys=True),
                        r.seed,
                        r.split,
                        r.status,
                        r.epochs,
                        r.best_epoch,
                        r.learning_rate,
                        r.validation_score,
                        r.validation_loss,
                        r.train_loss,
                        r.seconds,
                        name if r.id in weights else None,
                    )
                    for r in runs
                ],
            )
            self.connection.executemany(
                "INSERT OR REPLACE INTO history VALUES (?, ?)",
                [(r.id, np.ascontiguousarray(r.history, "<f8").tobytes()) for r in runs],
            )

    def runs(self) -> list[StoredRun]:
        """Return every finished run."""
        with self._reading():
            rows = self.connection.execute(
                "SELECT runs.*, history.epochs FROM runs JOIN history ON history.run = runs.id "
                # Not by arrival, which differs from one time to the next.
                "ORDER BY phase DESC, cell, learning_rate, seed"
            )
            return [
                StoredRun(
                    **dict(zip(_COLUMNS, row[:-1], strict=True))
                    | {
                        "recipe": json.loads(row[_COLUMNS.index("recipe")]),
                        "history": np.frombuffer(row[-1], "<f8").reshape(-1, 3),
                    }
                )
                for row in rows
            ]

    def weights(self, run: StoredRun) -> np.ndarray | None:
        """Return the packed weights of a run; None if none were kept, or their file is lost."""
        if run.weights is None:
            return None
        return (self.read_tensors(Path("weights") / run.weights) or {}).get(run.id)

    def write_tensors(self, name: Path, tensors: dict[str, np.ndarray]) -> None:
        """Write arrays as one safetensors file inside the folder."""
        from safetensors.numpy import save

        path = self.folder / name
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StudyError(f"Could not make {path.parent}: {error.strerror}.") from error
        write_whole(path, save({k: np.ascontiguousarray(v) for k, v in tensors.items()}))

    def read_tensors(self, name: Path) -> dict[str, np.ndarray] | None:
        """Return the arrays of a safetensors file inside the folder.

        None if it is lost or damaged: whatever such a file holds can be trained again.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return load((self.folder / name).read_bytes())
        except (OSError, SafetensorError):
            return None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:  # ValueError: a cell that is no JSON
            raise self._damaged(error) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self.connection:
                yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)  # not all errors come from SQLite
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise self._damaged(error) from error
            raise StudyError(
                f"Could not write {self.folder / DATABASE}: {error}. What was stored before is "
                "safe. Make room on the disk, or the file writable, then run: "
                f"gradlab resume {self.folder}"
            ) from error

    def _damaged(self, error: Exception) -> StudyError:
        return StudyError(
            f"Could not read {self.folder / DATABASE}: {error}. Bring back a copy of the file; or "
            f"delete it, and train everything again with: gradlab resume {self.folder}"
        )


def write_question(folder: Path, question: dict[str, Any]) -> None:
    """Write study.toml."""
    write_whole(folder / STUDY_FILE, tomli_w.dumps(question))


def read_question(folder: Path) -> dict[str, Any]:
    """Return the content of study.toml.

    Raises:
        StudyError: If the folder is no study, or the file is damaged.
    """
    path = folder / STUDY_FILE
    if not folder.is_dir():
        raise StudyError(
            f"There is no folder {folder}. Give the folder that a study was written to."
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(
            f"{folder} is not a study: it has no {STUDY_FILE}. Give the folder that "
            "`gradlab compare --out` wrote."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(
            f"Could not read {path}: {error}. Bring the file back as `gradlab compare` wrote it."
        ) from error
