"""What is told from a picture's name alone."""

import re
from pathlib import PurePath

ENDINGS = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".webp",
    ".tif",
    ".tiff",
    ".pgm",
    ".ppm",
    ".pbm",
    ".pnm",
)
"""What the names of pictures end in, in any case."""

OF_THE_SYSTEM = ("thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db", "icon\r")
"""Files that a system puts among the user's own."""

N_SHOWN = 5
"""A message names so many files, and counts the others."""


def is_picture(name: str) -> bool:
    """Return whether a file's name says that it is a picture.

    >>> is_picture("cat/1.JPG"), is_picture("cat/notes.txt")
    (True, False)
    """
    return PurePath(name).suffix.lower() in ENDINGS


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is none of the user's data: hidden, or the system's.

    >>> is_hidden(".DS_Store"), is_hidden("Thumbs.db"), is_hidden("cat.png")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in OF_THE_SYSTEM


def readable(name: str) -> str:
    """Return a file's name as text that can be printed and saved, whatever its bytes.

    >>> readable("caf\\udce9.png")
    'caf\\\\udce9.png'
    """
    plain = name.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", "?", plain)


def some(names: list[str]) -> str:
    """Return the first few names of a list.

    >>> some(["a.png", "b.png"]), some([f"{i}.png" for i in range(7)])
    ('a.png, b.png', '0.png, 1.png, 2.png, 3.png, 4.png, …')
    """
    return ", ".join(map(readable, names[:N_SHOWN])) + (", …" if len(names) > N_SHOWN else "")


def count(n: int, what: str = "picture") -> str:
    """Return a number of things.

    >>> count(1), count(1200)
    ('1 picture', '1,200 pictures')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"
