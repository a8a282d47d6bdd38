"""Words for what a sweep varies, and names of its files."""

from typing import Any


def short(name: str) -> str:
    """Return a setting's name as the documents write it, where they do.

    >>> short("content_weight"), short("content_layers")
    ('α', 'content layers')
    """
    known = {"content_weight": "α", "style_weight": "β (style)", "total_variation": "γ"}
    return known.get(name, name.replace("_", " "))


def written(value: Any) -> str:
    """Return a value for people.

    >>> written(0.001), written("relu1+fire3")
    ('0.001', 'relu1+fire3')
    """
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def file_name(number: int, label: str) -> str:
    """Return a name for a file: the number, and what of the label every system takes.

    >>> file_name(2, "α 0.001, style night")
    '03-alpha-0.001-style-night'
    """
    for letter, name in {"α": "alpha", "β": "beta", "γ": "gamma"}.items():
        label = label.replace(letter, name)
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".+_") else " " for c in label)
    return "-".join([f"{number + 1:02}", *kept.split()])[:80]
