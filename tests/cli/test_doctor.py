"""gradlab doctor and gradlab descend, from the outside."""

import json

import pytest

SMALL = ("--set", "hidden=8", "--set", "batch_size=16", "--epochs", "15", "--seeds", "2")


def test_a_fault_is_named_and_the_report_written(gradlab, data_file, tmp_path):
    said = gradlab("doctor", data_file, *SMALL, "--set", "learning_rate=300")
    assert said.code == 0
    assert "The learning rate is too high" in said.out
    folder = tmp_path / "gradlab-doctor"
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert "learning_rate_high" in [finding["kind"] for finding in found["findings"][:3]]
    assert (folder / "history.csv").read_text(encoding="utf-8").startswith("seed,epoch,train_loss")
    html = (folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "Learning rate range test",
        "Inside the network",
        "The learning rate is too high",
    ):
        assert words in html


def test_a_cure_is_proved_and_written(gradlab, data_file, tmp_path):
    said = gradlab("doctor", data_file, *SMALL, "--set", "learning_rate=300", "--cure")
    assert said.code == 0
    found = json.loads((tmp_path / "gradlab-doctor" / "results.json").read_text(encoding="utf-8"))
    assert found["cure"]["helps"]
    assert found["cure"]["agree"] >= 6
    assert found["cure"]["interval"][0] > 0
    assert "points" in said.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("nothing.csv",), "nothing.csv"),
        (("digits", "--set", "learning_rate=-1"), "learning_rate"),
        (("--history", "gone.csv"), "gone.csv"),
        (("--setup", "s.toml"), "--history"),
        (("--history", "gone.csv", "--cure"), "--cure trains again"),
        (("iris", "--history", "gone.csv"), "one of them is examined"),
        (("iris", "--run", "abc"), "no study folder"),
    ],
)
def test_mistakes_are_told_without_a_traceback(options, words, gradlab):
    said = gradlab("doctor", *options)
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err


def test_optimizers_race(gradlab, tmp_path):
    said = gradlab("descend", "bowl", "--optimizers", "sgd,momentum", "--steps", "50")
    assert said.code == 0
    assert said.out.startswith("bowl: ")
    assert (tmp_path / "gradlab-descend" / "report.html").exists()
    wrong = gradlab("descend", "bowel")
    assert wrong.code == 2
    assert "Did you mean 'bowl'" in wrong.err
