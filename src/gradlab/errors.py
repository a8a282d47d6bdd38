"""What Gradlab raises when the person, not the program, has to act.

Every message says what was expected, what came, where, and what to do. The command line prints
it without a traceback and exits with `GradlabError.exit_code`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class GradlabError(Exception):
    """A mistake that the user can mend."""

    exit_code = 2


class DataError(GradlabError, ValueError):
    """Data that can't be read, or can't be learnt from; a `ValueError`, as scikit-learn raises."""


class RecipeError(GradlabError, ValueError):
    """A recipe, option or technique that does not exist or makes no sense."""


class StudyError(GradlabError):
    """A study folder that can't be written, read or resumed."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, or "".

    >>> suggest("addam", ["adam", "sgd"])
    " Did you mean 'adam'?"
    """
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not in a family.

    >>> unknown("optimizer", "addam", ["adam", "sgd"])
    "Unknown optimizer 'addam'. Did you mean 'adam'? Known: adam, sgd."
    """
    known = list(known)
    return f"Unknown {what} '{name}'.{suggest(name, known)} Known: {', '.join(known)}."
