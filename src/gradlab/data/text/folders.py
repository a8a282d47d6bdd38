"""Folders of text files, one class a folder."""

from pathlib import Path

import numpy as np

from gradlab.data.examples import Examples, join_examples
from gradlab.data.limits import check_memory
from gradlab.data.opening import unreadable
from gradlab.data.plain_text import BYTE_ORDER_MARK, decode_text
from gradlab.data.text.arrays import text_features
from gradlab.errors import DataError


def is_text_folder(folder: Path) -> bool:
    """Return whether a folder has folders of .txt files in it, perhaps below train and test."""
    patterns = ("*/*.txt", "train/*/*.txt")
    return any(next(folder.glob(pattern), None) is not None for pattern in patterns)


def read_text_folder(folder: Path, max_bytes: int | None = None) -> Examples:
    """Read CLASS/NAME.txt, one text a file; with folders train and test, a given test part.

    Blank files and class folders without text are left out, said.

    Raises:
        DataError: If a file can't be decoded or is a link out of the folder, or all are blank.
    """
    parts = [folder / "train", folder / "test"]
    if all(part.is_dir() for part in parts) and next(parts[0].glob("*/*.txt"), None) is not None:
        train, test = (_read_classes(part, folder.name, max_bytes) for part in parts)
        return join_examples(train, test)
    return _read_classes(folder, folder.name, max_bytes)


def _read_classes(folder: Path, name: str, max_bytes: int | None) -> Examples:
    texts, labels, notes = [], [], []
    n_blank = size = 0
    try:
        inside = folder.resolve()
        for category in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
            before = len(texts)
            for file in sorted(category.glob("*.txt")):
                if not file.resolve().is_relative_to(inside):
                    raise DataError(
                        f"{file} is a link out of {folder}. Copy the text here if it belongs here, "
                        "or remove the link."
                    )
                size += file.stat().st_size
                check_memory(f"The texts in {folder}", 4 * size, max_bytes)
                # Not read_bytes: a blank text is left out here, not refused.
                content = file.read_bytes()
                if not content.removeprefix(BYTE_ORDER_MARK).strip():
                    n_blank += 1
                    continue
                texts.append(decode_text(content, str(file)))
                labels.append(category.name)
            if len(texts) == before:
                notes.append(f"Folder '{category.name}' holds no text: left out.")
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error
    if not texts:
        raise DataError(f"{folder} holds no text: every .txt in its class folders is blank.")
    if n_blank:
        notes.append(f"{n_blank} blank file{'s are' if n_blank > 1 else ' is'} left out.")
    return Examples(
        name, text_features(texts), np.array(labels, object), "class", notes=tuple(notes)
    )
