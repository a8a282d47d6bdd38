"""Live progress of a study: runs done, time left, best so far."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gradlab.cli.options import as_options

if TYPE_CHECKING:
    from gradlab.lab.conduct import Listener
    from gradlab.lab.conduct import Progress as Stand

STAGES = {
    "forecast": "compiling",
    "compiled": "training",
    "tune": "tuning",
    "judge": "judging",
    "test": "testing",
    "done": "done",
}


class Latest:
    """The last thing a study said, for the message after Ctrl-C."""

    stand: "Stand | None" = None


@contextlib.contextmanager
def watching(console: Console, latest: Latest, *, quiet: bool) -> Iterator["Listener"]:
    """Show a study's progress on the terminal while the block runs; keep its last word."""
    from gradlab.training.forecast import format_seconds

    bar = Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed}/{task.total} runs"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[best]}", markup=False),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("reading", total=None, left="", best="")

    def listen(stand: "Stand") -> None:
        latest.stand = stand
        if quiet:
            return
        if stand.stage == "forecast":
            for note in stand.notes:
                console.print(as_options(note), style="dim", markup=False)
            if stand.forecast.runs:
                console.print(f"Forecast: {stand.forecast}.")
            console.print(f"Study folder: {stand.folder}", soft_wrap=True, markup=False)
        if stand.stage == "done":
            return
        left = _left(stand)
        best = "" if stand.best is None else f"best so far {stand.best[1]:.4f} ({stand.best[0]})"
        bar.update(
            task,
            description=STAGES[stand.stage],
            completed=stand.done,
            total=stand.total,
            left="" if left is None else f"{format_seconds(left)} left",
            best=best if len(best) < 60 else best[:57] + "…",
        )

    with bar:
        yield listen


def _left(stand: "Stand") -> float | None:
    if stand.stage == "forecast" or stand.done == 0:
        return stand.forecast.seconds
    expected = max(stand.forecast.seconds, 1e-9)
    share = stand.done / max(1, stand.total)
    # The forecast at first, then more and more what the runs so far have needed.
    by_runs = stand.elapsed / share - stand.elapsed
    by_forecast = max(0.0, expected - stand.elapsed)
    return share * by_runs + (1 - share) * by_forecast
