"""Healthy and faulty trainings, examined once and kept, so that rules can be tried on them."""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gradlab.doctor.examine import examine
from gradlab.doctor.faults.controls import CONTROLS, Control, healthy_program
from gradlab.doctor.faults.injector import (
    Fault,
    Strength,
    base_of,
    effect_of,
    inject,
    is_harmed,
    kept_share,
    load_faults,
)
from gradlab.doctor.faults.specimen import Specimen, read_specimen, write_specimen
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.subject import ProgramSubject

EFFECT_SEEDS = (0, 1, 2, 3, 4)
"""Of the runs that a fault's effect is measured on."""
EXAMINED_SEEDS = (0, 1, 2)
HEALTHY_SEEDS = ((0, 1, 2), (10, 11, 12), (20, 21, 22))
"""A healthy program is examined so many times: its false alarms are counted, and rare."""
NEAR = 0.8
"""A control must reach this share of what a plain method gains over a constant answer."""


def mutant_seed(name: str) -> int:
    """Return the seed of a control's mutants."""
    return sum(name.encode())


def mutants(
    control: Control, healthy: Program, *, turn: int = 0, share: int = 1
) -> Iterator[tuple[Fault, Strength, Program]]:
    """Yield mutants of a healthy program.

    Args:
        control: Its name seeds what is drawn.
        healthy: The program.
        turn: Which of a fault's strengths is taken; unlike ones of unlike faults.
        share: Take one fault in so many, other ones of other controls.
    """
    seed = mutant_seed(control.name)
    offset = CONTROLS.index(control) + turn
    for i, fault in enumerate(load_faults()):
        if (i + offset) % share:
            continue
        n = len(fault.strengths)
        for j in range(n):
            strength = fault.strengths[(offset // share + i + j) % n]
            mutant = inject(healthy, fault, strength, seed)
            if mutant is not None:
                yield fault, strength, mutant
                break


def harvest(
    control: Control,
    folder: Path,
    cache: Path,
    *,
    turn: int = 0,
    share: int = 1,
    faults: bool = True,
    kinds: Sequence[str] = (),
) -> Iterator[Specimen]:
    """Train and examine a control and its mutants; those in the cache are read instead.

    Args:
        control: Healthy program.
        folder: Holds the data sets.
        cache: Folder for a file a specimen.
        turn, share: See `mutants`.
        faults: Whether mutants are made at all.
        kinds: Only faults of these kinds; all if empty.
    """
    healthy = healthy_program(control, folder)
    shelf = cache / control.name.replace("/", "-").replace(" ", "-")
    shelf.mkdir(parents=True, exist_ok=True)
    bases: dict[float, tuple[list[float], float]] = {}

    def known(base: Program, rows: float) -> tuple[list[float], float]:
        if rows not in bases:
            bases[rows] = (_scores(base), ProgramSubject(base).facts().trivial_score or 0.0)
        return bases[rows]

    for seeds in HEALTHY_SEEDS:
        file = shelf / f"healthy-{seeds[0]}.json"
        if not file.exists():
            scores, _ = known(healthy, 1.0)
            write_specimen(file, _examined(control, healthy, None, None, scores, seeds=seeds))
        yield read_specimen(file)
    if not faults:
        return
    for fault, strength, mutant in mutants(control, healthy, turn=turn, share=share):
        if kinds and fault.kind not in kinds:
            continue
        file = shelf / f"{fault.name}@{strength}.json".replace(" ", "")
        if not file.exists():
            scores, trivial = known(base_of(healthy, fault), fault.rows)
            write_specimen(file, _specimen(control, mutant, fault, strength, scores, trivial))
        yield read_specimen(file)


def _scores(program: Program) -> list[float]:
    records = ProgramSubject(program).train(EFFECT_SEEDS, probes=False)
    return [float(x.validation_score[-1]) if x.status != "diverged" else np.nan for x in records]


def _specimen(
    control: Control,
    mutant: Program,
    fault: Fault,
    strength: Strength,
    scores: list[float],
    trivial: float,
) -> Specimen:
    kept, effect = (), None
    if fault.demanded == "effect":
        kept = kept_share(scores, _scores(mutant), trivial)
        effect = effect_of(kept)
    demanded = fault.demanded == "always" or is_harmed(kept)
    found = _examined(control, mutant if demanded else None, fault, strength, scores)
    return dataclasses.replace(found, demanded=demanded, effect=effect, kept=kept)


def _examined(
    control: Control,
    program: Program | None,
    fault: Fault | None,
    strength: Strength | None,
    scores: list[float],
    seeds: tuple[int, ...] = EXAMINED_SEEDS,
) -> Specimen:
    began = time.perf_counter()
    evidence = None if program is None else examine(ProgramSubject(program), seeds=seeds)
    return Specimen(
        control=control.name,
        dataset=control.dataset,
        held_out=control.held_out,
        fault=fault.name if fault else None,
        strength=strength,
        right=fault.right if fault else (),
        demanded=False,
        cure=fault.cure if fault else False,
        effect=None,
        kept=(),
        healthy_score=float(np.median(scores)),
        seconds=time.perf_counter() - began,
        evidence=evidence,
    )
