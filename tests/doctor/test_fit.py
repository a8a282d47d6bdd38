"""Choosing thresholds: as sensitive as false alarms allow; and the score they are chosen by."""

import dataclasses

import pytest

from gradlab.doctor.calibration import Calibration, Threshold
from gradlab.doctor.evidence import Evidence, Setup
from gradlab.doctor.faults.fit import (
    adopt_confidences,
    choose_thresholds,
    measure_confidences,
    worth,
)
from gradlab.doctor.faults.score import score
from gradlab.doctor.faults.specimen import Specimen
from gradlab.doctor.finding import Diagnosis, Finding

START = Calibration(
    {"rate.value": Threshold(0.9, 0.1, 0.9, "above")}, {"learning_rate_high.seen": (0.5, 0.9)}, 1
)


def specimen(
    value: float, *, faulty: bool, right: str = "learning_rate_high", dataset: str = "made up"
) -> Specimen:
    """Return a training of which one number is known."""
    evidence = Evidence(Setup(task="binary", layers=()), small_batch=value)
    return Specimen(
        control=dataset,
        dataset=dataset,
        held_out=False,
        fault="a fault" if faulty else None,
        strength=1,
        right=(right,) if faulty else (),
        demanded=faulty,
        cure=True,
        effect="strong" if faulty else None,
        kept=(),
        healthy_score=0.9,
        seconds=1.0,
        evidence=evidence,
    )


def doctor(evidence: Evidence, calibration: Calibration) -> Diagnosis:
    """Speak where the number reaches the threshold; strong evidence from one half on."""
    value = evidence.small_batch
    if value < calibration["rate.value"]:
        return Diagnosis(())
    sure = calibration.confidence("learning_rate_high.seen", value)
    return Diagnosis((Finding("learning_rate_high", sure, "", "", rule="learning_rate_high.seen"),))


def test_threshold_falls_to_the_faults_and_not_to_the_healthy():
    specimens = [specimen(0.05 * i, faulty=False) for i in range(8)]
    specimens += [specimen(0.43 + 0.02 * i, faulty=True, dataset=f"set {i % 3}") for i in range(10)]
    chosen = choose_thresholds(START, specimens, doctor)
    # The grid is 0.18, 0.26, 0.34, 0.42 …; the healthy reach 0.35.
    assert chosen["rate.value"] == pytest.approx(0.42)
    assert START["rate.value"] == 0.9


def test_false_alarms_stay_under_the_limit():
    # Half of the faults lie among the healthy: they cannot be had.
    specimens = [specimen(0.3, faulty=False) for _ in range(20)]
    specimens += [
        specimen(x, faulty=True, dataset=name) for x in (0.3, 0.6) for name in ("one", "other")
    ]
    chosen = choose_thresholds(START, specimens, doctor)
    found = score(specimens, lambda evidence: doctor(evidence, chosen))
    assert found.false_alarms == 0
    assert found.detected == 0.5


def test_a_single_fault_moves_nothing():
    specimens = [specimen(0.3, faulty=False) for _ in range(20)] + [specimen(0.6, faulty=True)]
    assert choose_thresholds(START, specimens, doctor)["rate.value"] == 0.9


def test_faults_of_a_single_data_set_move_nothing():
    healthy = [specimen(0.3, faulty=False) for _ in range(20)]
    of_one = [specimen(0.6, faulty=True, dataset="one") for _ in range(5)]
    assert choose_thresholds(START, healthy + of_one, doctor)["rate.value"] == 0.9
    of_two = [*of_one, specimen(0.6, faulty=True, dataset="other")]
    assert choose_thresholds(START, healthy + of_two, doctor)["rate.value"] < 0.6


def test_a_threshold_goes_no_further_than_it_must():
    specimens = [specimen(0.1, faulty=False) for _ in range(20)]
    specimens += [specimen(0.75, faulty=True, dataset=f"set {i % 2}") for i in range(4)]
    assert choose_thresholds(START, specimens, doctor)["rate.value"] == pytest.approx(0.74)


def test_score_is_a_mean_over_kinds_and_leaves_out_what_is_not_demanded():
    specimens = [specimen(0.95, faulty=True) for _ in range(9)]
    specimens += [specimen(0.0, faulty=True, right="batch_size")]
    specimens += [dataclasses.replace(specimen(0.0, faulty=True), demanded=False)] * 5
    specimens += [specimen(0.95, faulty=False), specimen(0.0, faulty=False)]
    found = score(specimens, lambda evidence: doctor(evidence, START))
    assert (found.detected, found.first, found.three) == (0.5, 0.5, 0.5)
    assert found.kinds["learning_rate_high"].n == 9
    assert found.false_alarms == 0.5
    assert found.wrong == (("made up[a fault@1]", ()),)
    assert worth(found) == pytest.approx(0.5 - 4 * 0.45)


def test_confidences_are_shares_of_right_findings():
    specimens = [specimen(0.95, faulty=True)] * 30 + [specimen(0.95, faulty=False)] * 10
    measured, tally = measure_confidences(START, specimens, doctor)
    assert tally == {"learning_rate_high.seen": (30, 40)}
    weak, strong = measured.confidences["learning_rate_high.seen"]
    assert weak == 0.5
    assert strong == pytest.approx((30 + 6 * 0.9) / 46, abs=1e-3)


def test_measured_confidences_are_taken_over_unless_they_rank_worse():
    specimens = [specimen(0.95, faulty=True)] * 30 + [specimen(0.95, faulty=False)] * 10
    measured, _ = measure_confidences(START, specimens, doctor)
    assert adopt_confidences(START, measured, specimens, doctor) == measured

    def shy(evidence: Evidence, calibration: Calibration) -> Diagnosis:
        found = doctor(evidence, calibration).findings
        return Diagnosis(tuple(x for x in found if x.confidence > 0.85))

    # Silent below 0.85: the lower, measured confidence would lose all thirty.
    faulty = [x for x in specimens if x.fault]
    assert adopt_confidences(START, measured, faulty, shy) == START
