"""With what, on what and when results were made."""

import platform
from datetime import datetime
from importlib import metadata

from gradlab.process import cores

PACKAGES = ("gradlab", "numpy", "scipy", "scikit-learn", "jax")


def versions() -> tuple[tuple[str, str], ...]:
    """Return the packages that the numbers depend on."""
    return tuple((name, metadata.version(name)) for name in PACKAGES)


def machine() -> str:
    """Return the machine in words."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cores()} cores, Python {platform.python_version()}"


def now() -> str:
    """Return the time, with its zone."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
