"""Case files: reading, building rows, fingerprints, mistakes with their path."""

import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest

from gradlab.doctor.program import ProgramSubject, case_program, case_rows, judged, read_cases
from gradlab.doctor.program.cases import fingerprint_differences, read_case, read_cases_leniently
from gradlab.doctor.program.fidelity import Fidelity, compared
from gradlab.doctor.program.generators import generate
from gradlab.errors import DataError

CASE = {
    "id": "toy.buggy",
    "program": "toy",
    "variant": "buggy",
    "healthy": False,
    "task": "binary",
    "data": {
        "kind": "synthetic",
        "generator": {"name": "letter_codes", "params": {}},
        "seed": 0,
        "n_train": 20,
        "n_eval": 10,
        "labels": {"coding": "zero_one", "n_classes": 2, "n_outputs": 1},
        "fingerprint": {"train_input_min": 65.0, "train_input_max": 70.0},
    },
    "model": {
        "input_shape": [3],
        "layers": [
            {"type": "dense", "units": 4, "activation": "relu", "init": "glorot_uniform"},
            {"type": "dense", "units": 1, "activation": "sigmoid", "init": "glorot_uniform"},
        ],
    },
    "loss": {"name": "binary_crossentropy", "reduction": "mean", "clip": 1e-7},
    "optimizer": {
        "name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "decay": 0.0,
    },
    "batch_size": 5,
    "epochs": 3,
    "metrics": ["accuracy_rounded"],
    "scaling": {"inputs": "none", "targets": "none", "validation_inputs": "same"},
    "validation": {"kind": "none"},
    "faults": [
        {
            "kind": "missing_scaling", "where": "scaling.inputs", "op": "set", "buggy": "none",
            "fixed": "standard", "weight": "main",
        }
    ],
    "tolerated": ["no_validation"],
    "measured": {"baseline": 0.5, "evaluation": [0.5, None], "effect": "strong"},
}  # fmt: skip


def write(folder, *cases, schema="doctor-cases/1"):
    file = folder / "cases.json"
    file.write_text(json.dumps({"schema": schema, "cases": list(cases)}))
    return file


def with_value(path, value):
    case = copy.deepcopy(CASE)
    *before, last = path
    place = case
    for step in before:
        place = place[step]
    place[last] = value
    return case


class TestReading:
    def test_a_case(self, tmp_path):
        (case,) = read_cases(write(tmp_path, CASE))
        assert (case.id, case.effect, case.baseline) == ("toy.buggy", "strong", 0.5)
        assert case.faults[0].kind == "missing_scaling"
        assert np.isnan(case.measured("evaluation")[1])

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            (("model", "layers", 0, "type"), "dens", r"toy\.buggy\.model\.layers\[0\] is 'dens'"),
            (("optimizer", "name"), "addam", r"toy\.buggy\.optimizer\.name.*'adam'"),
            (("loss", "name"), "mse", r"toy\.buggy\.loss\.name is 'mse'"),
            (("data", "labels", "coding"), "onehot", r"toy\.buggy\.labels\.coding"),
            (("faults", 0, "kind"), "bad", r"toy\.buggy\.faults\[0\]\.kind is 'bad'"),
            (("batch_size",), 0, r"toy\.buggy\.batch_size is 0"),
        ],
    )
    def test_an_unknown_word_is_named_with_its_path(self, tmp_path, path, value, message):
        with pytest.raises(DataError, match=message):
            read_cases(write(tmp_path, with_value(path, value)))

    def test_one_bad_case_does_not_hide_the_others(self, tmp_path):
        bad = with_value(("loss", "name"), "mse")
        cases, problems = read_cases_leniently(write(tmp_path, CASE, bad))
        assert len(cases) == 1
        assert len(problems) == 1

    def test_other_files(self, tmp_path):
        with pytest.raises(DataError, match="schema 'doctor-cases/1' was expected"):
            read_cases(write(tmp_path, CASE, schema="other/2"))
        file = tmp_path / "x.json"
        file.write_text("{")
        with pytest.raises(DataError, match="not JSON"):
            read_cases(file)


class TestRows:
    def test_the_doctor_sees_evaluation_rows_only_where_they_are_separate(self):
        case = read_case(CASE, "toy.buggy")
        rows = case_rows(case)
        hidden = case_program(case, rows)
        assert hidden.x_validation is None
        assert ProgramSubject(hidden).setup.validation == "none"
        seen = case.edited("validation", {"kind": "separate"})
        assert len(case_program(seen, rows).x_validation) == 10
        assert len(judged(hidden, rows).x_validation) == 10

    def test_scores_without_held_back_rows_are_those_of_training(self):
        subject = ProgramSubject(case_program(*(lambda c: (c, case_rows(c)))(read_case(CASE, "c"))))
        (record,) = subject.train([0], probes=False)
        assert np.isnan(record.validation_score).all()
        assert subject.score_on_fresh([0]) == [float(record.train_score[-1])]

    def test_rows_that_are_others_are_refused(self):
        case = read_case(with_value(("data", "fingerprint", "train_input_max"), 71.0), "c")
        with pytest.raises(DataError, match="train_input_max is 70 for 71"):
            case_rows(case)

    def test_an_unknown_generator_says_what_to_do(self):
        case = read_case(with_value(("data", "generator", "name"), "sprials"), "c")
        with pytest.raises(DataError, match=r"Unknown generator 'sprials'.*generators\.py"):
            case_rows(case)

    def test_arrays_stand_in_for_a_generator(self, tmp_path):
        case = read_case(with_value(("data", "generator", "name"), "own"), "c")
        x = np.full((30, 3), 65.0)
        x[0] = 70
        np.savez(tmp_path / "own.npz", x=x, y=np.arange(30) % 2)
        assert len(case_rows(case, {"arrays": tmp_path}).x) == 30

    def test_a_public_set_needs_its_folder(self):
        words = {"kind": "public", "name": "mnist", "n_train": 1, "n_eval": 1, "seed": 0}
        case = read_case({**CASE, "data": {**CASE["data"], **words}}, "c")
        with pytest.raises(DataError, match="--mnist DIR"):
            case_rows(case)

    def test_generators_are_the_same_every_time(self):
        one, other = (generate("word_bags", WORDS, seed=3, n=5) for _ in range(2))
        np.testing.assert_array_equal(one[0], other[0])
        assert set(np.unique(one[0])) == {0, 1}

    def test_wrong_parameters_are_named(self):
        with pytest.raises(DataError, match="generator 'xor4' with parameters"):
            generate("xor4", {"width": 2}, seed=0, n=4)

    def test_fingerprints_are_rounded(self):
        x, y = np.array([[1.23456789]]), np.array([0])
        assert not fingerprint_differences({"train_input_mean": 1.23457}, x, y, 1)
        assert fingerprint_differences({"train_input_mean": 1.2347}, x, y, 1)


WORDS = {"vocabulary": 20, "classes": 2, "words": 4, "topic": 3, "boost": 2.0}


@pytest.mark.skipif("GRADLAB_DOCTOR" not in os.environ, reason="needs the case files")
def test_every_development_case_is_rebuilt_to_its_fingerprint():
    folder = Path(os.environ["GRADLAB_DOCTOR"])
    data = Path(os.environ.get("GRADLAB_DATA", folder.parent / "data"))
    folders = {"mnist": data / "mnist"}
    cases = read_cases(folder / "cases.json")
    assert len(cases) == 50
    for case in cases:
        rows = case_rows(case, folders)  # raises if the fingerprint differs
        assert (
            case_program(case, rows).settings == case.settings or not case.words["data"]["n_eval"]
        )


@pytest.mark.slow
@pytest.mark.skipif("GRADLAB_DOCTOR" not in os.environ, reason="needs the case files")
def test_every_development_case_trains_as_it_was_measured():
    folder = Path(os.environ["GRADLAB_DOCTOR"])
    data = Path(os.environ.get("GRADLAB_DATA", folder.parent / "data"))
    cases = read_cases(folder / "cases.json")
    found = [compared(case, {"mnist": data / "mnist"}) for case in cases]
    assert [str(each) for each in found if not each.alike] == []


def test_scores_are_alike_if_chance_may_have_made_the_difference():
    nan = float("nan")
    assert Fidelity("a", (0.5, 0.9, 0.9, 0.5, 0.9), (0.9, 0.5, 0.5, 0.5, 0.9)).alike
    assert not Fidelity("a", (0.5, 0.51, 0.52, 0.5, 0.5), (0.9, 0.91, 0.9, 0.9, 0.9)).alike
    assert Fidelity("a", (nan,) * 5, (nan,) * 5).alike
    assert not Fidelity("a", (nan,) * 5, (0.9, 0.91, 0.9, 0.9, 0.9)).alike
