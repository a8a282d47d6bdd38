"""Fair timing: the variants take turns, so that a slow minute of the machine hits all of them.

    python benchmarks/timing.py --rounds 5 "gradlab=gradlab compare --json" "torch=python peer.py"

times whole commands; the first named is the one that the others are compared with. Scripts use
`interleave` and `print_table`.
"""

import argparse
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Timing:
    """Seconds of every round of one variant."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


REST = 0.15
"""Seconds before each measurement: a library's idle threads spin for some tens of milliseconds
after its last call, on cores that the next variant needs."""


def interleave(variants: Mapping[str, Callable[[], float | None]], rounds: int) -> list[Timing]:
    """Run every variant once a round, in alternating order, and return their times.

    A variant may return the seconds that count (a peer that measures its own training loop, or
    an estimate scaled from a sample); one that returns None is timed from outside.

    >>> [timing.name for timing in interleave({"a": lambda: 2.0, "b": lambda: None}, rounds=3)]
    ['a', 'b']
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for round_number in range(rounds):
        order = list(variants)
        if round_number % 2:  # so that no variant always runs on what its neighbour left behind
            order.reverse()
        for name in order:
            time.sleep(REST)
            start = time.perf_counter()
            reported = variants[name]()
            elapsed = time.perf_counter() - start
            seconds[name].append(elapsed if reported is None else reported)
    return [Timing(name, tuple(values)) for name, values in seconds.items()]


def paired_ratios(ours: Timing, theirs: Timing) -> list[float]:
    """Return theirs / ours round by round: above 1 means that ours is faster."""
    return [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)]


def run_command(command: Sequence[str], *, stdin: str | None = None) -> str:
    """Run a command to its end and return what it printed; a failure shows its errors."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)} failed ({done.returncode}):\n{done.stderr}")
    return done.stdout


def print_table(title: str, timings: Sequence[Timing]) -> None:
    """Print median, range and the ratio to the first row (median of the rounds, with its range)."""
    ours = timings[0]
    width = max(len(timing.name) for timing in timings)
    print(f"\n{title} ({len(ours.seconds)} interleaved rounds, seconds)")
    print(f"{'':{width}}  {'median':>9}  {'min':>9}  {'max':>9}  times the first (min-max)")
    for timing in timings:
        ratios = paired_ratios(ours, timing)
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        low, high = min(timing.seconds), max(timing.seconds)
        row = f"{timing.median:9.3f}  {low:9.3f}  {high:9.3f}  {ratio}"
        print(f"{timing.name:{width}}  {row}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="+", metavar="NAME=COMMAND")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    variants = {}
    for text in arguments.commands:
        name, equals, command = text.partition("=")
        if not equals:
            parser.error(f"expected NAME=COMMAND, got {text!r}")
        variants[name] = partial(time_command, shlex.split(command))
    print_table("whole commands", interleave(variants, arguments.rounds))


def time_command(command: Sequence[str]) -> float:
    start = time.perf_counter()
    run_command(command)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
