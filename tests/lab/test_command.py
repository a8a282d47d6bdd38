"""The command that repeats a study begun in Python."""

import shlex

import optax
import pytest

from gradlab.lab.command import command_of
from gradlab.lab.question import Question, Source, Tuning
from gradlab.training.recipe import Recipe


@pytest.fixture
def asked_by(monkeypatch, tmp_path):
    """Return a function that runs a command and returns the question it asks of the lab."""
    import sys

    from gradlab.cli import main
    from gradlab.lab import compare as module

    class Asked(Exception):
        pass

    def stop(question):
        raise Asked(question)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradlab.process.configure", lambda: None)
    monkeypatch.setattr("gradlab.process.cache_folder", lambda: tmp_path / ".cache")
    monkeypatch.setattr(module, "cells_of", stop)

    def ask(command: str) -> Question:
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(Asked) as caught:
            main.app(prog_name="gradlab", standalone_mode=False)
        return caught.value.args[0]

    return ask


QUESTIONS = [
    Question(),
    Question(vary={"dropout": [0.1 + 0.2, 0, 1e-7]}, seeds=3, seed=7),
    Question(vary={"hidden": [(), (3,), (4, 5)], "batch_size": [8, "full"]}),
    Question(vary={"shuffle": [True, False], "class_weight": [None, "balanced"]}),
    Question(vary={"norm": ["none", "batch"], "learning_rate": [1e-3, 3]}),
    Question(vary={"patience": [None, 40]}, base=Recipe(epochs=50)),
    Question(base=Recipe(patience=45, warmup_epochs=40.5, epochs=60)),
    Question(base=Recipe(hidden=())),
    Question(base=Recipe(hidden=(7,), weight_decay=0.0, shuffle=False, clip_norm=1.0)),
    Question(base=Recipe(hidden=(3, 4), activation=("relu", "tanh"), batch_size="full")),
    Question(base=Recipe(layers=("dense 3", "dense 4 dropout 0.1"))),
    Question(base=Recipe(layers=("dense 3",))),
    Question(base=Recipe(optimizer="momentum", learning_rate=0.3, norm="batch")),
    Question(base=Recipe(optimizer="momentum").replace(**{"optimizer.momentum": 0.5})),
    Question(vary={"optimizer.beta1": [0.5, 0.9]}, base=Recipe(init="small_normal")),
    Question(design="random", samples=7, tuning=Tuning(learning_rates=0, seeds=1)),
    Question(design="factorial", vary={"dropout": [0.0, 0.5]}, resample=True),
    Question(data=Source(path="a 'b'.csv", target="the $y", drop=("x", "z z"), header=False)),
    Question(data=Source(path="iris", time="day", groups="who", test="t.csv", header=True)),
    Question(data=Source(task="regression", scaling="minmax", ratios=(0.7, 0.2, 0.1), target="-y")),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_asks_the_same_question(question, asked_by):
    again = asked_by(command_of(question))
    assert again == question
    assert again.to_dict() == question.to_dict()


@pytest.mark.parametrize(
    "question",
    [
        Question(data=Source(path="data.parquet", snapshot=True)),
        Question(data=Source(path="a.csv", target=3)),
        Question(data=Source(path="a.csv", drop=("a,b",))),
        Question(vary={"optimizer": ["sgd"]}, labels={"optimizer": ("plain",)}),
        Question(vary={"optimizer": [optax.adam(1e-3)]}),
        Question(vary={"activation": ["relu", ("relu", "tanh")]}, base=Recipe(hidden=(3, 3))),
        Question(base=Recipe(optimizer=optax.adam(1e-3))),
    ],
    ids=["memory", "column", "comma", "label", "object", "each layer", "base"],
)
def test_is_none_where_words_do_not_suffice(question):
    assert command_of(question) is None


def test_the_usual_study_needs_no_words():
    assert command_of(Question()) == "gradlab compare digits"


class TestOfAStudy:
    def test_on_a_file_trains_the_same_runs(
        self, study, clouds_file, compare, numbers_of, tmp_path
    ):
        command = study.command
        assert command.startswith(f"gradlab compare {clouds_file} --vary optimizer=sgd,adam")
        assert command in study.report().read_text(encoding="utf-8").replace("</span> <span>", " ")

    def test_on_data_from_memory_goes_on_with_its_folder(self, clouds, compare, tmp_path):
        study = compare(clouds(), tmp_path / "my s", vary={"optimizer": ["sgd"]})
        assert study.command == f"gradlab resume '{tmp_path / 'my s'}'"

    def test_of_objects_is_a_word_of_advice(self, clouds_file, compare, tmp_path):
        vary = {"optimizer": [optax.adabelief(0.01)]}
        study = compare(clouds_file, tmp_path / "s", vary=vary)
        assert study.command.startswith("# ")
        assert "again from Python" in study.command
