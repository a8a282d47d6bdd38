"""What gradlab cluster, reduce and score have in common: results into a folder, words to people."""

import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from gradlab.cli.options import as_options
from gradlab.cli.terminal import console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@runtime_checkable
class Analysis(Protocol):
    """What every analysis can do, so far as the command line needs it."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude."""
        ...

    def save(self, folder: str | Path) -> Path:
        """Write everything into a folder."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        ...


def typed() -> str:
    """Return the command as it was typed, without what tells where and how to write.

    >>> import sys
    >>> sys.argv, kept = ["gradlab", "cluster", "my data.csv", "--out", "x", "--json"], sys.argv
    >>> typed()
    "gradlab cluster 'my data.csv'"
    >>> sys.argv = kept
    """
    words, skip = ["gradlab"], False
    for word in sys.argv[1:]:
        if skip:
            skip = False
        elif word == "--out":
            skip = True
        elif word != "--json" and not word.startswith("--out="):
            words.append(word)
    return shlex.join(words)


def free(out: Path | None) -> None:
    """Refuse, before any work is done, a folder that can't take the results."""
    from gradlab.lab.analysis.results_folder import check_results_free

    check_results_free(out)


@contextmanager
def working(words: str, as_json: bool) -> "Iterator[None]":
    """Say on the terminal that work is going on."""
    if as_json:
        yield
        return
    with console(stderr=True).status(words):
        yield


def hand_over(
    study: Analysis,
    *,
    name: str,
    out: Path | None,
    notes: "Sequence[str]",
    as_json: bool,
) -> None:
    """Write the results and say what to conclude and where they are."""
    from gradlab.lab.analysis.results_folder import check_results_free
    from gradlab.lab.folder import new_folder

    folder = new_folder(out, name, check_results_free)
    with working("writing", as_json):
        study.save(folder)
    path = folder / "report.html"
    if as_json:
        from gradlab.lab.analysis.results_folder import plain

        print_json({**plain(study.to_dict()), "folder": str(folder), "report": str(path)})
        return
    told = console(stderr=True)
    for note in dict.fromkeys(notes):
        told.print(as_options(note), style="dim", markup=False, soft_wrap=True)
    shown = console()
    for i, sentence in enumerate(study.sentences):
        shown.print(sentence, style="bold" if i == 0 else "", markup=False)
    shown.print(f"\nResults: {folder}", soft_wrap=True, markup=False)
    shown.print(f"Report: {path}", soft_wrap=True, markup=False)
