"""What the documents name without a formula is in the glossary, and what it names exists."""

import re
from pathlib import Path

import numpy as np
import pytest

import gradlab as gl
from gradlab.training.recipe import Recipe

TEXT = (Path(__file__).parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.catalogue("PIC-01")
def test_the_four_abbreviations_lead_to_what_they_stand_for():
    rows = re.findall(
        r"^\| (\w+) \|.*\| (.*) \|$", section("Abbreviations of a deep-learning system"), re.M
    )
    assert {"ReLU", "Adam", "PSNR", "SSIM"} <= {short for short, _ in rows}
    assert Recipe(activation="relu", optimizer="adam").optimizer == "adam"
    picture = np.linspace(0, 1, 256).reshape(16, 16)
    assert gl.metrics.psnr(picture, picture + 0.1) == pytest.approx(20.0)
    assert gl.metrics.ssim(picture, picture) == pytest.approx(1.0)


@pytest.mark.catalogue("BPG-06", "TAX-04")
def test_the_pioneers_are_named():
    people = section("People and years")
    for name in ("David Rumelhart", "Geoffrey Hinton", "Ronald J. Williams"):
        assert name in people


@pytest.mark.catalogue("TAX-02")
def test_every_estimator_carries_one_of_the_three_labels():
    rows = re.findall(r"^\| (geometric|probabilistic|logical) \|.*\| (.*) \|$",
                      section("Kinds of models"), re.M)  # fmt: skip
    label = [name for _, names in rows for name in re.findall(r"`(\w+)`", names)]
    assert len(rows) == 3
    assert len(label) == len(set(label)), "a method with two labels"
    named = {*gl.__all__, *gl.rl.__all__}
    estimators = {
        name
        for name in gl.__all__
        if isinstance(thing := getattr(gl, name), type) and hasattr(thing, "fit")
    }
    assert estimators <= set(label)
    assert set(label) <= named


@pytest.mark.catalogue("TAX-01")
def test_one_of_each_kind_of_learning_runs():
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    x[:, 0] += 6 * y
    supervised = gl.MLPClassifier(hidden=(4,), epochs=30, learning_rate=0.05).fit(x, y)
    assert supervised.score(x, y) > 0.9
    groups = gl.KMeans(2, random_state=0).fit(x).labels_
    assert np.mean(groups == y) in (0.0, 1.0)
    agent = gl.rl.QLearning(random_state=0).fit(gl.rl.chain(), episodes=200)
    assert agent.policy_.shape[0] == gl.rl.chain().n_observations


@pytest.mark.catalogue("TAX-06")
def test_the_note_on_tensorflow_1_leads_to_the_cells():
    assert "`tf.contrib.rnn`" in section("TensorFlow 1.x")
    cells = (Path(__file__).parent.parent / "docs" / "cells.md").read_text(encoding="utf-8")
    for name in ("BasicRNNCell", "BasicLSTMCell", "GRUCell", "UGRNNCell", "NASCell"):
        assert name in cells


@pytest.mark.catalogue("PIC-64")
def test_the_chart_is_marked_as_our_own_and_names_optimizers_that_exist():
    chart = section("Which optimizer? A chart of our own")
    assert "this one is Gradlab's" in chart
    known = set(gl.optim.OPTIMIZERS)
    named = set(re.findall(r"\*\*(\w+)\*\*", chart))
    assert len(named) >= 6
    assert named <= known
