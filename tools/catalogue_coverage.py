"""Count the catalogue rows that a passing test covers.

    python tools/catalogue_coverage.py [RECORD.json ...] [--missing]

A record is what pytest writes with GRADLAB_CATALOGUE=RECORD.json in the environment; several are
added up. Without one, the tests are run first. A row is covered when at least one test that names
it passed and none failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "tests" / "catalogue_index.txt"
# The catalogue counts its 467 rows without these two; they are reported beside it.
EXTRA_AREAS = {"WE": "worked examples", "ERR": "misprints shown to fail"}


def read_index() -> dict[str, str]:
    """Return ID -> name of every row, in the order of the catalogue."""
    lines = INDEX.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


def run_tests() -> dict[str, dict]:
    """Run pytest as a plain `pytest` would and return its record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q"],
            cwd=ROOT,
            env=os.environ | {"GRADLAB_CATALOGUE": str(path)},
            stdout=sys.stderr,
            check=False,  # a failing test leaves its rows uncovered; the table says so
        )
        return json.loads(path.read_text(encoding="utf-8"))


def covered_rows(tests: Iterable[dict]) -> set[str]:
    """Return the rows with a passing test and no failing one."""
    outcomes = defaultdict(set)
    for test in tests:
        for row in test["rows"]:
            outcomes[row].add(test["outcome"])
    return {row for row, seen in outcomes.items() if "passed" in seen and "failed" not in seen}


def area(row: str) -> str:
    return row.partition("-")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="*", type=Path, metavar="RECORD.json")
    parser.add_argument("--missing", action="store_true", help="name the rows without a test")
    arguments = parser.parse_args()

    tests = {}
    for path in arguments.records:
        tests |= json.loads(path.read_text(encoding="utf-8"))
    if not arguments.records:
        tests = run_tests()

    names = read_index()
    covered = covered_rows(tests.values())
    of_area = Counter(area(row) for row in names)
    covered_of_area = Counter(area(row) for row in covered)

    print("area  covered  rows")
    for name, rows in of_area.items():
        print(f"{name:4}  {covered_of_area[name]:7}  {rows:4}")
    main_areas = [name for name in of_area if name not in EXTRA_AREAS]
    done, rows = (sum(count[name] for name in main_areas) for count in (covered_of_area, of_area))
    print(f"\n{done} of {rows} catalogue rows have a passing test ({done / rows:.0%})")
    for name, what in EXTRA_AREAS.items():
        print(f"{covered_of_area[name]} of {of_area[name]} {what}")

    if arguments.missing:
        print("\nwithout a passing test:")
        for row, name in names.items():
            if row not in covered:
                print(f"  {row}  {name}")


if __name__ == "__main__":
    main()
