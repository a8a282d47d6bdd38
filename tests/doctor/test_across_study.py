"""A study's runs as the rules look at them, and where the rules are told."""

import json

import pytest

import gradlab as gl
from gradlab.doctor.across_study import rows_of_study, rules_of_study
from gradlab.doctor.calls import worst_run

DEEP = (8, 8, 8, 8, 8, 8)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return gl.compare(
        "iris",
        vary={"activation": ["sigmoid", "relu"]},
        base=gl.Recipe(hidden=DEEP, optimizer="sgd", learning_rate=0.1, epochs=100),
        seeds=6,
        tune=gl.Tuning(learning_rates=0),
        out=tmp_path_factory.mktemp("deep") / "study",
    )


def test_deep_sigmoid_networks_stall_and_rectified_ones_do_not(study):
    rows = rows_of_study(study, 1 / 3)
    assert {r.settings["activation"] for r in rows if r.stalled} == {"sigmoid"}
    (rule,) = rules_of_study(study, 1 / 3)
    assert rule.outcome == "stalled"
    assert [str(condition) for condition in rule.conditions] == ["activation sigmoid"]
    assert rule.failed >= 5
    assert rule.sentence.endswith("those with activation relu do not (0 of 6)")


def test_a_study_in_which_all_runs_learn_has_no_rule(study):
    # Against a constant answer that is right on no row, every run has learnt.
    assert rules_of_study(study, -1.0) == ()


def test_the_diagnosis_of_a_study_tells_its_rules_and_the_checks(study, tmp_path):
    found = gl.diagnose(study.folder)
    assert any(s.startswith("Across the study: ") for s in found.sentences)
    meant = worst_run(study)
    (seed,) = [run.seed for run in study.runs if run.id == meant]
    assert found.evidence.records[0].seed == seed
    assert len({record.seed for record in found.evidence.records}) == 3
    folder = found.save(tmp_path / "doctor")
    told = json.loads((folder / "results.json").read_text())
    assert told["rules_across_study"][0]["words"] == found.rules[0].sentence
    assert {check["severity"] for check in told["checks"]} <= {"error", "warning", "note", "ok"}
    page = (folder / "report.html").read_text()
    assert "Across the study" in page
    assert "Checks before training" in page
