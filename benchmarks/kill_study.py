"""Does a killed study end with the numbers that it would have had?

    python benchmarks/kill_study.py [--kills 20] [-- OPTIONS OF gradlab compare]

Runs a study undisturbed; then, for each kill, begins it anew in a fresh folder, kills the process
(SIGKILL: nothing of ours runs any more) at a random moment, resumes it and compares every number:
all columns of all runs but their seconds, the histories and weights bit for bit, and the winner
with its test scores. Every other time the resumed process is killed once more.
"""

import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import load_file

DEFAULT = (
    *("--vary", "optimizer=sgd,momentum,adam,rmsprop"),
    *("--vary", "hidden=32,64x32"),
    *("--vary", "dropout=0,0.3"),
    *("--vary", "patience=none,5"),
    *("--set", "batch_size=16"),
    *("--epochs", "150"),
    *("--seeds", "6"),
    *("--learning-rates", "3"),
    *("--tuning-seeds", "2"),
)
"""About ten seconds on two cores, most of them training."""
GRADLAB = (sys.executable, "-c", "from gradlab.cli.main import main; main()")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("options", nargs="*", help="of gradlab compare, after --")
    arguments = parser.parse_args()
    options = arguments.options or DEFAULT
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as home:
        whole = Path(home) / "whole"
        begin(whole, options).wait()
        began = time.perf_counter()
        begin(whole.with_name("timed"), options).wait()  # again, with the programs in the cache
        seconds = time.perf_counter() - began
        expected = numbers(whole)
        assert expected == numbers(whole.with_name("timed")), "two undisturbed studies differ"
        print(f"{len(expected[0])} runs in {seconds:.1f} s undisturbed")
        identical, interrupted = 0, []
        for kill in range(arguments.kills):
            folder = Path(home) / f"killed-{kill}"
            done = []
            for command in ("compare", "resume")[: 1 + kill % 2]:
                process = begin(folder, options) if command == "compare" else go_on(folder, options)
                kill_after(process, moments.uniform(0, seconds))
                done.append(stored_runs(folder))
            assert go_on(folder, options).wait() == 0, "the resumed study failed"
            same = numbers(folder) == expected
            identical += same
            interrupted += done
            print(
                f"kill {kill + 1}: at {' and '.join(map(str, done))} runs, "
                f"{'identical' if same else 'DIFFERENT'}",
                flush=True,
            )
    partly = sum(0 < n < len(expected[0]) for n in interrupted)
    print(f"{len(interrupted)} kills in all, {partly} of them with some runs done and some not")
    print(f"{identical} of {arguments.kills} identical")
    sys.exit(identical != arguments.kills)


def begin(folder: Path, options: Sequence[str]) -> subprocess.Popen:
    """Start a study."""
    return _start("compare", *options, "--out", str(folder))


def go_on(folder: Path, options: Sequence[str]) -> subprocess.Popen:
    """Resume it, or start it where it was killed before it had begun."""
    if (folder / "study.toml").exists():
        return _start("resume", str(folder))
    return begin(folder, options)


def _start(*arguments: str) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*GRADLAB, *arguments], **quiet)


def kill_after(process: subprocess.Popen, seconds: float) -> None:
    """Kill a process, if it still lives then."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def stored_runs(folder: Path) -> int:
    """Return how many runs a folder holds, whatever state it is in."""
    if not (folder / "runs.sqlite").exists():
        return 0
    with sqlite3.connect(folder / "runs.sqlite") as connection:
        has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone()
        return connection.execute("SELECT count(*) FROM runs").fetchone()[0] if has_table else 0


def numbers(folder: Path) -> tuple[dict[str, tuple], str]:
    """Return each run's columns, history and weights by id, and the winner."""
    with sqlite3.connect(folder / "runs.sqlite") as connection:
        table = connection.execute("SELECT * FROM runs")
        names = [column[0] for column in table.description]
        rows = [dict(zip(names, row, strict=True)) for row in table]
        history = dict(connection.execute("SELECT run, epochs FROM history"))
        (winner,) = connection.execute("SELECT value FROM meta WHERE key = 'winner'").fetchone()
    runs = {}
    for row in rows:
        # Which runs share a weights file depends on when they were written.
        file, _ = row.pop("weights"), row.pop("seconds")
        words = b"" if file is None else load_file(folder / "weights" / file)[row["id"]].tobytes()
        runs[row["id"]] = (*row.items(), history[row["id"]], words)
    return runs, winner


if __name__ == "__main__":
    main()
