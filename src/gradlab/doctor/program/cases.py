"""Files of faulty training programs with known faults (schema "doctor-cases/1")."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from gradlab.data.opening import read_bytes
from gradlab.doctor.finding import Kind
from gradlab.doctor.program.generators import generate
from gradlab.doctor.program.program import Program, path_steps
from gradlab.doctor.program.public_sets import Made, public_rows
from gradlab.doctor.program.settings import Settings, read_settings
from gradlab.errors import DataError

SCHEMA = "doctor-cases/1"
KINDS = get_args(Kind)
SETTINGS = tuple(Settings.model_fields)
"""Keys of a case that are settings of its program; labels stand under data."""
DIGITS = 2e-5
"""Fingerprints are rounded to six digits."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong in a case.

    Attributes:
        kind: In the words of `gradlab.doctor.finding.Kind`.
        where: Path into the case.
        op: "set", or "insert" a layer before that place.
        buggy, fixed: Values.
        weight: "main", "joint" or "minor".
    """

    kind: str
    where: str
    op: str
    buggy: Any
    fixed: Any
    weight: str


@dataclasses.dataclass(frozen=True)
class Case:
    """A case as its file says it; see the README of the case files for the words.

    Attributes:
        id: Unique.
        program: Name that its variants share.
        healthy: Whether it is a control.
        words: The whole, plain.
        settings: Of its program.
        faults: Empty for controls.
        also_published: Further kinds that are no error.
        tolerated: Kinds that do not count either way.
    """

    id: str
    program: str
    healthy: bool
    words: Mapping[str, Any]
    settings: Settings
    faults: tuple[Fault, ...]
    also_published: tuple[str, ...]
    tolerated: tuple[str, ...]

    @property
    def effect(self) -> str:
        """How much the faults cost, as measured: "strong", "weak", "some_seeds", "none"."""
        return str(self.words.get("measured", {}).get("effect", ""))

    @property
    def fidelity(self) -> str:
        """How close it is to what was published."""
        return str(self.words.get("fidelity", ""))

    @property
    def baseline(self) -> float:
        """Score of a constant answer."""
        return float(self.words.get("measured", {}).get("baseline") or 0.0)

    def measured(self, part: str) -> list[float]:
        """Return the published scores on "train" or "evaluation" rows; NaN where not finite."""
        scores = self.words.get("measured", {}).get(part, [])
        return [float("nan") if score is None else float(score) for score in scores]

    def edited(self, path: str, value: Any) -> "Case":
        """Return the case with another value at a place, data and all.

        Raises:
            DataError: If the place or the value is not known.
        """
        words = json.loads(json.dumps(self.words))
        *before, last = path_steps(path)
        place = words
        try:
            for step in before:
                place = place[step]
            place[last] = value
        except (KeyError, IndexError, TypeError):
            raise DataError(f"{self.id}: there is no place {path!r}.") from None
        return read_case(words, self.id)


def read_cases(path: Path | str, *, only: str = "") -> tuple[Case, ...]:
    """Return the cases of a file.

    Args:
        path: Of the file.
        only: Leave out cases whose id does not contain this.

    Raises:
        DataError: If the file is no case file, or a case has a word that is not known; with its
            path.
    """
    cases, problems = read_cases_leniently(path, only=only)
    if problems:
        raise DataError(problems[0])
    return cases


def read_cases_leniently(
    path: Path | str, *, only: str = ""
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Return the cases that can be read, and what is wrong with the others.

    Raises:
        DataError: If the file is no case file at all.
    """
    path = Path(path)
    try:
        whole = json.loads(read_bytes(path))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.") from None
    schema = whole.get("schema") if isinstance(whole, dict) else None
    if schema != SCHEMA:
        raise DataError(f"{path}: schema {SCHEMA!r} was expected; it says {schema!r}.")
    if not isinstance(whole.get("cases"), list):
        raise DataError(f"{path}: a list 'cases' was expected.")
    cases, problems = [], []
    for i, words in enumerate(whole["cases"]):
        name = words.get("id", f"cases[{i}]") if isinstance(words, dict) else f"cases[{i}]"
        if only not in str(name):
            continue
        try:
            cases.append(read_case(words, str(name)))
        except DataError as error:
            problems.append(str(error))
    return tuple(cases), tuple(problems)


def read_case(words: Mapping[str, Any], where: str) -> Case:
    """Return one case.

    Raises:
        DataError: If something is missing or not known, with its path.
    """
    for key in ("id", "program", "data", *(k for k in ("task", "model", "loss"))):
        if key not in words:
            raise DataError(f"{where}.{key} is missing.")
    data = words["data"]
    for key in ("kind", "n_train", "n_eval", "labels"):
        if key not in data:
            raise DataError(f"{where}.data.{key} is missing.")
    known = {key: words[key] for key in SETTINGS if key in words}
    settings = read_settings({**known, "labels": data["labels"]}, where=where)
    faults = tuple(
        _fault(fault, f"{where}.faults[{i}]") for i, fault in enumerate(words.get("faults", ()))
    )
    return Case(
        id=str(words["id"]),
        program=str(words["program"]),
        healthy=bool(words.get("healthy", not faults)),
        words=words,
        settings=settings,
        faults=faults,
        also_published=tuple(str(other["kind"]) for other in words.get("also_published", ())),
        tolerated=tuple(words.get("tolerated", ())),
    )


def _fault(words: Mapping[str, Any], where: str) -> Fault:
    kind = words.get("kind")
    if kind not in KINDS:
        raise DataError(f"{where}.kind is {kind!r}, which is unknown. Known: {', '.join(KINDS)}.")
    return Fault(
        kind=str(kind),
        where=str(words.get("where", "")),
        op=str(words.get("op", "set")),
        buggy=words.get("buggy"),
        fixed=words.get("fixed"),
        weight=str(words.get("weight", "main")),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Raw rows of a case: those that train, and those that evaluate (none of them if 0)."""

    x: np.ndarray
    y: np.ndarray
    n_train: int


def case_rows(case: Case, folders: Mapping[str, Path] | None = None) -> Rows:
    """Build the rows of a case, and compare them with its fingerprint.

    Args:
        case: Which.
        folders: Where "mnist" and "cifar10" are, and "arrays": files of rows by the name of the
            case, its program or its generator, .npz with `x` and `y`, for generators that are not
            known here.

    Raises:
        DataError: If the rows can't be had, or are not those of the fingerprint.
    """
    data = case.words["data"]
    n_train, n_eval, seed = int(data["n_train"]), int(data["n_eval"]), int(data.get("seed", 0))
    candidates = _made(case, data, n_train, n_eval, seed, dict(folders or {}))
    fingerprint = data.get("fingerprint") or {}
    wrong: list[str] = []
    for x, y in candidates:
        wrong = fingerprint_differences(fingerprint, x, y, n_train)
        if not wrong:
            return Rows(_shaped(case, x), y, n_train)
    raise DataError(f"{case.id}: the rows are not those of data.fingerprint: {'; '.join(wrong)}.")


def _made(
    case: Case, data: Mapping[str, Any], n_train: int, n_eval: int, seed: int, folders: dict
) -> list[Made]:
    generator = data.get("generator") or {}
    if "arrays" in folders:
        for name in (case.id, case.program, generator.get("name", data.get("name"))):
            path = Path(folders["arrays"]) / f"{name}.npz"
            if path.is_file():
                with np.load(path, allow_pickle=False) as held:
                    return [(held["x"], held["y"])]
    if data["kind"] == "public":
        return public_rows(str(data.get("name")), n_train, n_eval, folders, seed=seed)
    if data["kind"] != "synthetic" or "name" not in generator:
        raise DataError(
            f"{case.id}.data.kind is {data['kind']!r}; 'public', or 'synthetic' with a generator, "
            "were expected."
        )
    n = n_train + n_eval
    return [generate(generator["name"], dict(generator.get("params", {})), seed=seed, n=n)]


def _shaped(case: Case, x: np.ndarray) -> np.ndarray:
    shape = case.settings.model.input_shape
    try:
        return x.reshape(len(x), *shape)
    except ValueError:
        raise DataError(
            f"{case.id}.model.input_shape is {list(shape)}, but a row has the shape "
            f"{list(x.shape[1:])}."
        ) from None


def fingerprint_differences(
    fingerprint: Mapping[str, float | None], x: np.ndarray, y: np.ndarray, n_train: int
) -> list[str]:
    """Return where raw rows differ from a fingerprint, in words; empty if they agree."""
    parts = {"train": slice(None, n_train), "eval": slice(n_train, None)}
    of = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max}
    found = []
    for name, wanted in fingerprint.items():
        part, what, statistic = name.split("_")
        values = (x if what == "input" else y)[parts[part]]
        if wanted is None or not len(values):
            continue
        came = float(of[statistic](values.astype(np.float64)))
        if not np.isclose(came, wanted, rtol=DIGITS, atol=1e-9):
            found.append(f"{name} is {came:.6g} for {wanted:.6g}")
    return found


def case_program(case: Case, rows: Rows) -> Program:
    """Return the program of a case as a doctor may see it.

    Without validation there are no evaluation rows in it; a fraction is taken from the training
    rows; only "separate" gives the evaluation rows.
    """
    n, settings = rows.n_train, case.settings
    x, y = rows.x, rows.y
    if settings.validation.kind == "separate" and len(x) > n:
        return Program(settings, x[:n], y[:n], x[n:], y[n:], name=case.id)
    if settings.validation.kind == "separate":
        words = {**settings.model_dump(exclude_none=True), "validation": {"kind": "none"}}
        settings = read_settings(words, where=case.id)
    return Program(settings, x[:n], y[:n], name=case.id)


def judged(program: Program, rows: Rows) -> Program:
    """Return a case's program, changed or not, with the evaluation rows to judge by.

    It trains on all training rows; with no evaluation rows it is judged on these.
    """
    words = {**program.words(), "validation": {"kind": "separate"}}
    n = rows.n_train
    held = slice(n, None) if len(rows.x) > n else slice(None, n)
    return dataclasses.replace(
        program,
        settings=read_settings(words, where=program.name),
        x_train=program.x_train,
        y_train=program.y_train,
        x_validation=rows.x[held],
        y_validation=rows.y[held],
    )
