"""Series of the UCR and UEA archives: `.ts` files.

Lines of `@name value`, then after `@data` one series a line: the numbers of a channel with commas,
channels with colons, the class last. Source: the sktime and aeon projects' format description.
"""

import math
from pathlib import Path

import numpy as np

from gradlab.data.examples import Examples, join_examples
from gradlab.data.opening import unreadable
from gradlab.data.plain_text import read_text
from gradlab.data.sequences.arrays import default_names, sequence_features, sequence_notes
from gradlab.errors import DataError, suggest

MISSING = {"?", "nan", "na", ""}


def read_ts(path: Path, max_bytes: int | None = None) -> Examples:
    """Read a `.ts` file: one or several channels, one length or unlike ones, `?` for missing.

    Raises:
        DataError: Naming file and line, if the file is not in this form, a series has no steps, or
            its channels are of unlike length.
    """
    return parse_ts(read_text(path, max_bytes), str(path), max_bytes)


def read_ts_folder(folder: Path, max_bytes: int | None = None) -> Examples | None:
    """Read a folder with NAME_TRAIN.ts and NAME_TEST.ts; None if it holds no `.ts` files."""
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".ts")
    except OSError as error:
        raise unreadable(folder, error) from error
    if not files:
        return None
    train = [file for file in files if file.stem.upper().endswith("_TRAIN")]
    test = [file for file in files if file.stem.upper().endswith("_TEST")]
    if len(files) == 1:
        return read_ts(files[0], max_bytes)
    if len(train) != 1 or len(test) != 1 or len(files) != 2:
        raise DataError(
            f"{folder} holds {', '.join(file.name for file in files[:6])}; expected one pair, "
            "NAME_TRAIN.ts and NAME_TEST.ts. Name the file to read."
        )
    return join_examples(read_ts(train[0], max_bytes), read_ts(test[0], max_bytes))


def parse_ts(text: str, where: str, max_bytes: int | None = None) -> Examples:
    """Parse the content of a `.ts` file; see `read_ts`.

    >>> lines = ["@classLabel true a b", "@data", "1,2,3:a", "4,?:b"]
    >>> parse_ts("\\n".join(lines), "t.ts").features.numeric.tolist()
    [[1.0, 2.0, 3.0], [4.0, nan, 0.0]]
    """
    lines = text.split("\n")
    header, start = _header(lines, where)
    has_classes, known = _says_true(header, "classlabel")
    has_target = has_classes or _says_true(header, "targetlabel")[0]
    sequences, answers = [], []
    for number, line in enumerate(lines[start:], start=start + 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        place = f"{where}, line {number}"
        parts = line.split(":")
        if has_target:
            answer = parts.pop().strip()
            if not parts:
                raise DataError(
                    f"{place}: no colon, so no class behind the series. Expected "
                    "1.5,2.5,…:CLASS, as @classLabel or @targetLabel says."
                )
            if known and answer not in known:
                raise DataError(
                    f"{place}: class {answer!r} is not one of @classLabel's: "
                    f"{', '.join(known[:20])}.{suggest(answer, known)}"
                )
            answers.append(answer)
        sequences.append(_steps(parts, place))
        if sequences[-1].shape[1] != sequences[0].shape[1]:
            raise DataError(
                f"{place}: {sequences[-1].shape[1]} channels, but the first series has "
                f"{sequences[0].shape[1]}. Give every series as many."
            )
    if not sequences:
        raise DataError(f"{where} holds no series below @data.")
    names = default_names(sequences[0].shape[1])
    features = sequence_features(sequences, names=names, where=where, max_bytes=max_bytes)
    y = _answers(answers, is_class=has_classes, where=where) if has_target else None
    return Examples(
        header.get("problemname") or Path(where).stem,
        features,
        y,
        "class" if has_classes else "target",
        are_labels=has_classes,
        notes=tuple(sequence_notes(features)),
    )


def _header(lines: list[str], where: str) -> tuple[dict[str, str], int]:
    """Return what the lines before @data say, by name in lower case, and where the data starts."""
    header = {}
    for i, line in enumerate(lines):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if not line.startswith("@"):
            raise DataError(
                f"{where}, line {i + 1}: {line[:40]!r} comes before @data; expected lines such as "
                "@classLabel true 1 2. Is this a .ts file?"
            )
        name, _, value = line[1:].partition(" ")
        if name.lower() == "data":
            if _says_true(header, "timestamps")[0]:
                raise DataError(
                    f"{where} has time stamps in its series (@timeStamps true), which are not "
                    "read. Write it as a CSV in long form (series, time, features, target) and "
                    "give series= and time=."
                )
            return header, i + 1
        header[name.lower()] = value.strip()
    raise DataError(f"{where} has no line @data. It is cut short, or no .ts file.")


def _says_true(header: dict[str, str], name: str) -> tuple[bool, list[str]]:
    """Return whether a header line begins with true, and the words behind that."""
    words = header.get(name, "false").split() or ["false"]
    return words[0].lower() == "true", words[1:]


def _steps(parts: list[str], place: str) -> np.ndarray:
    """Return one series as (time, channels)."""
    channels = [_numbers(part, place) for part in parts]
    lengths = [len(channel) for channel in channels]
    if min(lengths) == 0:
        raise DataError(f"{place}: a series without steps. Leave the line out.")
    if len(set(lengths)) > 1:
        raise DataError(
            f"{place}: the channels have {', '.join(map(str, lengths[:8]))} steps; expected "
            "equally many. Write ? for values that are missing."
        )
    return np.array(channels).T


def _numbers(part: str, place: str) -> list[float]:
    cells = part.split(",") if part.strip() else []
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = [_number(cell, place) for cell in cells]
    if any(map(math.isinf, values)):
        raise DataError(f"{place}: an infinite value. Write ? if it is missing.")
    return values


def _number(cell: str, place: str) -> float:
    if cell.strip().lower() in MISSING:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise DataError(
            f"{place}: {cell.strip()[:40]!r} where a number was expected (or ? for a missing one)."
        ) from None


def _answers(answers: list[str], *, is_class: bool, where: str) -> np.ndarray:
    """Return answers as numbers if all are; classes may be names."""
    try:
        return np.array([math.nan if answer == "?" else float(answer) for answer in answers])
    except ValueError:
        if is_class:
            return np.array([None if answer == "?" else answer for answer in answers], object)
    wrong = next(answer for answer in answers if not _is_number(answer))
    raise DataError(f"{where}: the target of a series is {wrong!r}; @targetLabel promises numbers.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "?"
    return True
