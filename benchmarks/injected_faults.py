"""The doctor's score on faults put into healthy programs, on data sets new to its thresholds.

    python benchmarks/injected_faults.py --cache DIR [--data DIR --cures 40] [--json OUT]

The cache is filled by `tools/calibrate_doctor.py harvest`: what a doctor would measure on each
mutant and on each healthy program. Diagnosing it takes seconds. With --cures, so many mutants with
a known cure (as many of each kind as can be) are diagnosed and cured from scratch; the share whose
gain on fresh seeds is proved counts. Faults without a strong effect on the score are not demanded.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections import defaultdict
from pathlib import Path


def sample_of_cures(specimens: list, n: int) -> list:
    """Return n demanded specimens with a known cure, taken from the kinds in turn."""
    by_kind = defaultdict(list)
    for specimen in specimens:
        if specimen.fault and specimen.demanded and specimen.cure:
            by_kind[specimen.right[0]].append(specimen)
    turns = itertools.zip_longest(*(by_kind[kind] for kind in sorted(by_kind)))
    return [x for turn in turns for x in turn if x is not None][:n]


def cure_all(specimens: list, data: Path, seconds: float) -> list[dict]:
    """Diagnose and cure mutants from scratch; return a row for each."""
    from gradlab.doctor.cure import cure
    from gradlab.doctor.diagnosis import diagnose_evidence
    from gradlab.doctor.examine import examine
    from gradlab.doctor.faults.controls import CONTROLS, healthy_program
    from gradlab.doctor.faults.harvest import mutant_seed
    from gradlab.doctor.faults.injector import inject, load_faults
    from gradlab.doctor.program.subject import ProgramSubject

    controls = {x.name: x for x in CONTROLS}
    faults = {x.name: x for x in load_faults()}
    rows = []
    for specimen in specimens:
        healthy = healthy_program(controls[specimen.control], data)
        seed = mutant_seed(specimen.control)
        mutant = inject(healthy, faults[specimen.fault], specimen.strength, seed)
        assert mutant is not None
        began = time.perf_counter()
        subject = ProgramSubject(mutant)
        diagnosis = diagnose_evidence(examine(subject))
        examined = time.perf_counter()
        result = cure(subject, diagnosis, seconds=seconds)
        row = {
            "specimen": specimen.name,
            "kind": specimen.right[0],
            "helps": result.helps,
            "gain": result.gain,
            "before": statistics.mean(result.scores_before),
            "after": statistics.mean(result.scores_after),
            "healthy": specimen.healthy_score,
            "cure": result.words if result.changes else "",
            "diagnosis_seconds": examined - began,
            "cure_seconds": time.perf_counter() - examined,
        }
        rows.append(row)
        print(
            f"{specimen.name}: {row['before']:.3f} -> {row['after']:.3f} (healthy "
            f"{row['healthy']:.3f}), {'cured' if result.helps else 'NOT cured'}: {row['cure']}",
            flush=True,
        )
    return rows


def main() -> None:
    """Print the score card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=os.environ.get("GRADLAB_DATA"))
    parser.add_argument("--cures", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="of a cure")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calibration-sets", action="store_true", help="instead of those held out")
    options = parser.parse_args()

    from gradlab.doctor.diagnosis import diagnose_evidence
    from gradlab.doctor.faults.score import score
    from gradlab.doctor.faults.specimen import read_cache

    specimens = [x for x in read_cache(options.cache) if x.held_out != options.calibration_sets]
    found = score(specimens, diagnose_evidence)
    seconds = [x.seconds for x in specimens if x.evidence is not None]
    print(f"Data sets: {', '.join(sorted({x.dataset for x in specimens}))}\n")
    print(found.table())
    print(f"Median examination: {statistics.median(seconds):.1f} s.")
    effects = defaultdict(int)
    for specimen in specimens:
        if specimen.fault:
            effects[specimen.effect or "always demanded"] += 1
    print(f"Mutants by effect: {dict(effects)}.\n")
    for name, kinds in found.wrong:
        print(f"not first: {name}: {', '.join(kinds) or 'nothing'}")
    for name, kinds in found.alarms:
        print(f"false alarm: {name}: {', '.join(kinds)}")

    cures = []
    if options.cures:
        print()
        cures = cure_all(sample_of_cures(specimens, options.cures), options.data, options.seconds)
        by_kind = defaultdict(list)
        for row in cures:
            by_kind[row["kind"]].append(row["helps"])
        shares = {kind: statistics.mean(rows) for kind, rows in sorted(by_kind.items())}
        for kind, share in shares.items():
            print(f"cured {kind}: {share:.0%} of {len(by_kind[kind])}")
        print(f"Cured, mean over kinds: {statistics.mean(shares.values()):.0%} of {len(cures)}.")
        for name in ("diagnosis_seconds", "cure_seconds"):
            print(f"Median {name}: {statistics.median(x[name] for x in cures):.1f}.")
    if options.json:
        tree = {
            "detected": found.detected,
            "first": found.first,
            "three": found.three,
            "false_alarms": found.false_alarms,
            "kinds": {kind: vars(x) for kind, x in found.kinds.items()},
            "wrong": found.wrong,
            "alarms": found.alarms,
            "seconds": seconds,
            "cures": cures,
        }
        options.json.write_text(json.dumps(tree, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
