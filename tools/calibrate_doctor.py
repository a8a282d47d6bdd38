"""Choose the thresholds of the doctor's rules on faults that were put into healthy programs.

    python tools/calibrate_doctor.py harvest --data DIR --cache DIR [--jobs 2] [--turns 0 1]
    python tools/calibrate_doctor.py controls --cache DIR
    python tools/calibrate_doctor.py fit --cache DIR [--write]

`harvest` trains and examines the healthy programs and their mutants, those of held-out data sets
too, and keeps what was measured in the cache folder; it goes on where it was broken off.
`controls` lists the healthy programs with their scores. `fit` chooses thresholds and confidences on
the data sets that are not held out; with --write, src/gradlab/doctor/calibration.toml is replaced.
`benchmarks/injected_faults.py` gives the score on the others.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

CALIBRATION = Path(__file__).parent.parent / "src/gradlab/doctor/calibration.toml"


def harvest_one(
    name: str, data: Path, cache: Path, turn: int, share: int, faults: bool, kinds: tuple[str, ...]
) -> str:
    """Examine one control and its mutants; return what became of them."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache / "compiled"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    from gradlab.doctor import trials
    from gradlab.doctor.faults.controls import CONTROLS
    from gradlab.doctor.faults.harvest import harvest

    # What is tried should follow from the program, not from what else this machine is doing.
    trials.PATIENCE = float("inf")
    control = next(x for x in CONTROLS if x.name == name)
    began, n, demanded = time.perf_counter(), 0, 0
    for specimen in harvest(
        control, data, cache, turn=turn, share=share, faults=faults, kinds=kinds
    ):
        n += 1
        demanded += specimen.demanded
    return f"{name}: {n} specimens, {demanded} demanded, {time.perf_counter() - began:.0f} s"


def run_harvest(options: argparse.Namespace) -> None:
    """Fill the cache."""
    from gradlab.doctor.faults.controls import CONTROLS

    # A compiled network is used once or twice; hundreds of them would fill the memory.
    pool = ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1)
    with pool:
        jobs = [
            pool.submit(
                harvest_one,
                x.name,
                options.data,
                options.cache,
                turn,
                options.share,
                not options.healthy,
                tuple(options.kinds),
            )
            for turn, x in itertools.product(options.turns, CONTROLS)
            if not options.only or any(part in x.name for part in options.only)
        ]
        for job in as_completed(jobs):
            try:
                print(job.result(), flush=True)
            except Exception as error:  # one control's failure leaves the others
                print(f"FAILED: {type(error).__name__}: {error}", flush=True)


def run_controls(options: argparse.Namespace) -> None:
    """List the healthy programs."""
    from gradlab.doctor.faults.harvest import NEAR
    from gradlab.doctor.faults.specimen import read_cache

    print("| control | held out | score | constant answer | plain method | near |")
    print("|---|---|---:|---:|---:|---|")
    for specimen in read_cache(options.cache):
        if specimen.fault or specimen.evidence is None or specimen.evidence.data is None:
            continue
        data = specimen.evidence.data
        trivial, reference = data.trivial_score or 0.0, data.reference_score or 0.0
        near = specimen.healthy_score - trivial >= NEAR * (reference - trivial)
        print(
            f"| {specimen.name} | {specimen.held_out} | {specimen.healthy_score:.3f} "
            f"| {trivial:.3f} | {reference:.3f} | {near} |"
        )


def run_fit(options: argparse.Namespace) -> None:
    """Choose thresholds and confidences."""
    from gradlab.doctor.calibration import read_calibration
    from gradlab.doctor.diagnosis import diagnose_evidence
    from gradlab.doctor.faults.fit import (
        LIMIT,
        adopt_confidences,
        choose_thresholds,
        measure_confidences,
        worth,
    )
    from gradlab.doctor.faults.score import score
    from gradlab.doctor.faults.specimen import read_cache

    specimens = [x for x in read_cache(options.cache) if not x.held_out]
    before = read_calibration(options.start or CALIBRATION)

    def doctor_of(calibration) -> Callable:
        return lambda evidence: diagnose_evidence(evidence, calibration)

    first = score(specimens, doctor_of(before))
    print(f"Before: worth {worth(first):.3f}\n{first.table()}\n")
    moves = []

    def told(move) -> None:
        moves.append(move)
        print(
            f"{move.name}: {move.before:g} -> {move.after:g}; first {move.score.first:.3f}, "
            f"detected {move.score.detected:.3f}, false alarms {move.score.false_alarms:.3f}",
            flush=True,
        )

    chosen = choose_thresholds(
        before, specimens, diagnose_evidence, told=told, rounds=options.rounds
    )
    measured, tally = measure_confidences(chosen, specimens, diagnose_evidence)
    measured = adopt_confidences(chosen, measured, specimens, diagnose_evidence)
    after = score(specimens, doctor_of(measured))
    print(f"\nAfter: worth {worth(after):.3f}\n{after.table()}\n")
    for name, found in after.wrong:
        print(f"not first: {name}: {', '.join(found) or 'nothing'}")
    for name, found in after.alarms:
        print(f"false alarm: {name}: {', '.join(found)}")
    for name, (right, n) in tally.items():
        print(f"confidence {name}: {right} of {n} findings right -> {measured.confidences[name]}")
    if options.write:
        sets = sorted({x.dataset for x in specimens})
        demanded = sum(x.demanded for x in specimens)
        notes = [
            f"# Chosen by tools/calibrate_doctor.py on {demanded} faults in {len(sets)} data sets",
            f"# ({', '.join(sets)}) and {after.n_healthy} healthy examinations:",
            f"# detected {after.detected:.1%}, right cause first {after.first:.1%}, in the",
            f"# first three {after.three:.1%} (means over kinds),",
            f"# false alarms {after.false_alarms:.1%} (limit {LIMIT:.0%}).",
        ]
        text = "\n".join(notes) + "\n" + measured.to_toml()
        CALIBRATION.write_text(text, encoding="utf-8")
        print(f"Wrote {CALIBRATION}.")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    harvest = commands.add_parser("harvest")
    harvest.add_argument("--data", type=Path, default=os.environ.get("GRADLAB_DATA"))
    harvest.add_argument("--cache", type=Path, required=True)
    harvest.add_argument("--jobs", type=int, default=2)
    harvest.add_argument("--turns", type=int, nargs="+", default=[0])
    harvest.add_argument("--share", type=int, default=1, help="one fault in so many")
    harvest.add_argument("--only", nargs="+", default=[], help="parts of controls' names")
    harvest.add_argument("--kinds", nargs="+", default=[], help="kinds of fault")
    harvest.add_argument("--healthy", action="store_true", help="no mutants")
    harvest.set_defaults(run=run_harvest)
    controls = commands.add_parser("controls")
    controls.add_argument("--cache", type=Path, required=True)
    controls.set_defaults(run=run_controls)
    fit = commands.add_parser("fit")
    fit.add_argument("--cache", type=Path, required=True)
    fit.add_argument("--start", type=Path, help="calibration to begin with")
    fit.add_argument("--rounds", type=int, default=2)
    fit.add_argument("--write", action="store_true")
    fit.set_defaults(run=run_fit)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
