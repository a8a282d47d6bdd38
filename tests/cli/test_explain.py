"""gradlab explain: the built-in example, models, past steps of studies."""

import json

import pytest

from gradlab.lab.study import open_study

SMALL = ("--set", "hidden=4", "--set", "batch_size=16", "--epochs", "3")


def test_the_demonstration_with_nothing_else(gradlab):
    said = gradlab("explain")
    assert said.code == 0
    assert "∂E/∂w5 = −0.740999 × 0.23323 × 0.613014 = −0.105943" in said.out
    assert "115.535 hours" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("form", "begins"), [("markdown", "# A 2-2-1"), ("latex", "\\section*"), ("json", "{")]
)
def test_other_forms(gradlab, form, begins):
    said = gradlab("explain", "--format", form)
    assert said.code == 0
    assert said.out.startswith(begins)
    if form == "json":
        assert json.loads(said.out)["loss"]["before"] == pytest.approx(0.137269941, abs=1e-9)


def test_an_example_with_another_optimizer_and_a_page(gradlab, tmp_path):
    settings = ("--set", "optimizer=adam", "--set", "learning_rate=0.1")
    said = gradlab("explain", "parabola", *settings, "--out", "p.html")
    assert said.code == 0
    assert "by momentum" in said.out
    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "Previous" in html
    assert "gradlab explain parabola" in html


def test_a_model_on_a_row_of_data(gradlab, data_file):
    assert gradlab("train", data_file, *SMALL).code == 0
    where = ("--row", "3", "--weight", "layer 1[1, 2]", "--unit", "layer 1[2]")
    said = gradlab("explain", "model.safetensors", data_file, *where, "--format", "json")
    assert said.code == 0
    assert said.json["rows"] == 1
    assert said.json["chosen"]["gradient"] is not None
    batch = gradlab("explain", "model.safetensors", data_file, "--rows", "5", "--format", "json")
    assert batch.json["rows"] == 5


def test_a_past_step_of_a_study(gradlab, study_folder):
    run = next(run for run in open_study(study_folder).runs if run.phase == "judge")
    said = gradlab("explain", study_folder, "--run", run.id, "--step", "4")
    assert said.code == 0
    assert f"Step 4 of run {run.id}" in said.out
    assert "bit for bit" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "Unknown example 'nosuch'"),
        (("2-2-1", "--weight", "w9"), "There is no weight 'w9'"),
        (("2-2-1", "iris"), "has its own rows"),
        (("2-2-1", "--row", "7"), "there is no row 7"),
        (("2-2-1", "--set", "optimizer=addam"), "Did you mean 'adam'"),
        (("--run", "abc"), "run names a run of a study"),
        (("--out", "nowhere/p.html"), "there is no folder nowhere"),
        (("--format", "yaml"), "yaml"),
    ],
)
def test_mistakes_are_told_without_a_traceback(gradlab, arguments, message):
    said = gradlab("explain", *arguments)
    assert said.code == 2
    assert message in " ".join(said.err.split())


def test_mistakes_with_models_and_studies(gradlab, study_folder, data_file):
    assert gradlab("train", data_file, *SMALL).code == 0
    for arguments, message in (
        (("model.safetensors",), "is explained on rows"),
        (("model.safetensors", data_file, "--row", "999"), "The data has 60 rows"),
        (("model.safetensors", data_file, "--set", "l2=1"), "has its own"),
        ((study_folder, "--run", "zzz"), "no run begins with 'zzz'"),
        ((study_folder, "--step", "9999"), "there is no step 9999"),
        ((study_folder.parent,), "no study"),
    ):
        said = gradlab("explain", *arguments)
        assert said.code == 2, arguments
        assert message in " ".join(said.err.split())
