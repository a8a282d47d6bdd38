"""What the study benchmarks share: a whole `gradlab compare` process, and its runs for PyTorch."""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from timing import Timing, interleave, paired_ratios, run_command

COLD, WARM = "gradlab compare, cold cache", "gradlab compare, warm cache"
LOOP = "PyTorch eager loop, 2 processes"
VMAP = "PyTorch vmap over seeds, 2 processes"
METHODS = {LOOP: "loop", VMAP: "vmap"}


@dataclass(frozen=True)
class Process:
    """What a finished process took."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class StudyTimings:
    """The rounds of one benchmark, by name of the row."""

    rows: dict[str, Timing]
    peak_bytes: int
    """The largest of all Gradlab processes."""

    def times_as_fast(self, name: str) -> float | None:
        """Return the median of loop / row over the rounds; None without PyTorch."""
        if LOOP not in self.rows:
            return None
        return statistics.median(paired_ratios(self.rows[name], self.rows[LOOP]))


def study_arguments(description: str) -> argparse.Namespace:
    """Read the options of a study benchmark."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog="Everything after -- is handed to `gradlab compare` in place of the study measured "
        "by default, as in: -- --vary optimizer=sgd,adam --epochs 2 --seeds 2",
    )
    parser.add_argument("--repeats", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--sample", type=int, default=100, help="PyTorch jobs measured (100)")
    parser.add_argument("options", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def time_study(
    options: Sequence[str], *, peers: Sequence[str], repeats: int, sample: int
) -> StudyTimings:
    """Time `gradlab compare` with these options, cold and warm, against PyTorch on the same runs.

    Cold is a process that finds an empty cache folder, warm one that finds the folder of an
    earlier study. Before the rounds one study runs untimed: it fills that folder, and its results
    say which runs PyTorch has to train (tuning runs, and judging runs at the rates chosen).

    Args:
        options: Of `gradlab compare`.
        peers: Rows of PyTorch wanted, `LOOP` and `VMAP`; left out where it is not installed.
        repeats: Rounds.
        sample: Jobs that PyTorch trains for its estimate.
    """
    with tempfile.TemporaryDirectory(prefix="gradlab-benchmark-") as name:
        folder = Path(name)
        warm_cache, study = folder / "warm", folder / "study"
        tell("one study untimed: fills the cache, gives the list of runs")
        compare(options, out=study, cache=warm_cache)
        runs = peer_runs(study)
        tell(f"{len(runs)} runs")
        peaks = []

        def own(cache: Path | None) -> float:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                empty = Path(scratch) / "cache"
                process = compare(options, out=Path(scratch) / "study", cache=cache or empty)
            peaks.append(process.peak_bytes)
            tell(f"{'warm' if cache else 'cold'}: {process.seconds:.1f} s")
            return process.seconds

        def theirs(row: str) -> Callable[[], float]:
            def measure() -> float:
                seconds = torch_seconds(runs, METHODS[row], sample)
                tell(f"{row}: {seconds:.1f} s, scaled")
                return seconds

            return measure

        variants: dict[str, Callable[[], float | None]] = {
            COLD: lambda: own(None),
            WARM: lambda: own(warm_cache),
        }
        if importlib.util.find_spec("torch") is None:
            print("PyTorch is not installed (pip install 'gradlab[peers]'): no comparison.")
        else:
            variants |= {row: theirs(row) for row in peers}
        timings = interleave(variants, repeats)
    return StudyTimings({timing.name: timing for timing in timings}, max(peaks))


def compare(options: Sequence[str], *, out: Path, cache: Path) -> Process:
    """Run `gradlab compare` as a process with its own cache folder.

    The peak that the kernel reports is at least what this process held when it started the other;
    that is less, since the other imports all that this one does and trains besides.
    """
    command = [gradlab_command(), "compare", *options, "--out", str(out)]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{command} failed ({process.returncode}):\n{errors.read()}")
    if not (cache / "gradlab").is_dir():
        raise SystemExit(
            f"Gradlab did not use the cache folder {cache}: XDG_CACHE_HOME has no effect."
        )
    unit = 1 if sys.platform == "darwin" else 1024
    return Process(seconds, usage.ru_maxrss * unit)


def gradlab_command() -> str:
    """Return the path of the command that belongs to this Python."""
    found = shutil.which("gradlab", path=sysconfig.get_path("scripts"))
    if found is None:
        raise SystemExit("Gradlab is not installed for this Python. Run: pip install -e .")
    return found


def peer_runs(study: Path) -> list[dict]:
    """Return every run of a study, tuning and judging, as `peers/torch_study.py` takes it."""
    from gradlab.lab.study import open_study
    from gradlab.training.recipe import Recipe

    runs = []
    for stored in open_study(study).runs:
        recipe = Recipe(**stored.recipe)
        runs.append(
            {
                "optimizer": recipe.optimizer,
                "learning_rate": stored.learning_rate,
                "init": recipe.init,
                "activation": recipe.activation,
                "norm": recipe.norm,
                "dropout": recipe.dropout,
                "hidden": list(recipe.hidden),
                "batch_size": recipe.batch_size,
                "epochs": recipe.epochs,
                "seed": stored.seed,
            }
        )
    return runs


def torch_seconds(runs: list[dict], method: str, sample: int) -> float:
    """Return the seconds that PyTorch takes for the runs, scaled from a sample."""
    script = Path(__file__).parent / "peers" / "torch_study.py"
    command = [sys.executable, str(script), "-", "--method", method, "--sample", str(sample)]
    return float(json.loads(run_command(command, stdin=json.dumps(runs)))["seconds"])


def print_rows(title: str, timings: StudyTimings) -> None:
    """Print median, range and how many times as fast as the PyTorch loop each row is."""
    rounds = len(timings.rows[COLD].seconds)
    width = max(map(len, timings.rows))
    print(f"\n{title} ({rounds} interleaved rounds, seconds)")
    print(
        f"{'':{width}}  {'median':>8}  {'min':>8}  {'max':>8}  times as fast as the loop (min-max)"
    )
    for name, timing in timings.rows.items():
        ratio = "-"
        if LOOP in timings.rows:
            ratios = paired_ratios(timing, timings.rows[LOOP])
            ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        low, high = min(timing.seconds), max(timing.seconds)
        print(f"{name:{width}}  {timing.median:8.2f}  {low:8.2f}  {high:8.2f}  {ratio}")
    print(f"peak memory of a Gradlab process: {timings.peak_bytes / 2**20:,.0f} MiB")


def print_at_least(what: str, value: float | None, *, floor: float, aim: float) -> None:
    """Print whether a value that should be large is."""
    if value is None:
        print(f"{what}: not measured")
        return
    verdict = "aim met" if value >= aim else "floor met" if value >= floor else "BELOW THE FLOOR"
    print(f"{what}: {value:.2f} (floor {floor:g}, aim {aim:g}): {verdict}")


def print_under(what: str, value: float, *, limit: float, unit: str) -> None:
    """Print whether a value that should be small is."""
    verdict = "met" if value < limit else "MISSED"
    print(f"{what}: {value:,.1f} {unit} (under {limit:,g} {unit}): {verdict}")


def tell(text: str) -> None:
    """Say what goes on, apart from the table."""
    print(f"  {text}", file=sys.stderr, flush=True)
