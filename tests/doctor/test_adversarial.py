"""Rules for GANs: each on a GAN that was made to show it, none on a healthy one."""

import numpy as np
import polars as pl
import pytest

from gradlab.doctor.adversarial import RULES, Course, diagnose_gan
from gradlab.generative.gan import GAN
from gradlab.generative.gan.base import make_yardstick
from gradlab.generative.gan.population import train_population
from gradlab.generative.gan.rows import read_rows

BASE = {"hidden": (32, 32), "noise_size": 4, "parameters": {"optimizer.beta1": 0.5}}

MADE_TO_SHOW = {
    "healthy": {"learning_rate": 1e-3},
    "wins": {"learning_rate": 0.01, "generator_learning_rate": 1e-5, "loss": "minimax"},
    "collapses": {"learning_rate": 1e-4, "generator_learning_rate": 0.02},
    "diverges": {"learning_rate": 1e30},
}


@pytest.fixture(scope="module")
def pairs():
    """GANs on a ring of eight modes, trained as one population."""
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * rng.integers(0, 8, 1024) / 8
    x = 2 * np.c_[np.cos(angles), np.sin(angles)] + rng.normal(0, 0.05, (1024, 2))
    rows, _ = read_rows(x)
    models = [GAN(**BASE, batch_size=128, epochs=150, **own) for own in MADE_TO_SHOW.values()]
    runs = [(model.settings(rows), 0) for model in models]
    trained = train_population(rows, runs, make_yardstick(runs[0][0].pair, rows), every=15)
    return dict(zip(MADE_TO_SHOW, trained, strict=True))


def test_healthy_gan_has_no_findings(pairs):
    diagnosis = diagnose_gan(pairs["healthy"])
    assert diagnosis.healthy
    assert not diagnosis.missing


def test_far_too_large_discriminator_rate_wins(pairs):
    diagnosis = diagnose_gan(pairs["wins"])
    finding = next(f for f in diagnosis.findings if f.rule == "discriminator_wins.course")
    assert finding.evidence["d_real"] > 0.95
    assert finding.evidence["d_fake"] < 0.05
    tried = {change.setting: change.value for group in finding.changes for change in group}
    assert tried["loss"] == "non_saturating"
    assert tried["learning_rate"] == 1e-5
    assert finding.source
    assert finding.why
    assert 1 <= finding.epoch <= 150


def test_generator_far_faster_than_the_discriminator_collapses(pairs):
    diagnosis = diagnose_gan(pairs["collapses"])
    finding = next(f for f in diagnosis.findings if f.rule == "mode_collapse.course")
    assert finding.evidence["coverage"] < 0.6 or finding.evidence["diversity"] < 0.5
    assert finding.changes[0][0].setting == "generator_learning_rate"


def test_divergence_is_named(pairs):
    diagnosis = diagnose_gan(pairs["diverges"])
    assert diagnosis.findings[0].rule == "divergence.course"
    assert "in epoch 1" in diagnosis.findings[0].symptom


def names(gan):
    return [finding.rule.split(".")[0] for finding in diagnose_gan(gan).findings]


@pytest.mark.slow
def test_simultaneous_game_with_momentum_oscillates():
    x = np.random.default_rng(0).normal(3.0, 1.5, (1024, 1))
    gan = GAN(
        hidden=(8,), noise_size=2, optimizer="momentum", learning_rate=0.3, batch_size=1024,
        epochs=200, measure_every=50,
    )  # fmt: skip
    assert "oscillation" in names(gan.fit(x))


@pytest.mark.slow
def test_few_rows_trained_for_long_are_memorised():
    rows = np.random.default_rng(0).normal(size=(4, 24))
    gan = GAN(**{**BASE, "hidden": (64, 64)}, learning_rate=1e-3, epochs=6000, measure_every=500)
    assert "memorising" in names(gan.fit(rows))


def course(**columns):
    n = 40
    healthy = {"d_real": 0.6, "d_fake": 0.4, "generator_gradient": 1.0, "diversity": 0.95}
    healthy |= {"coverage": 1.0, "copies": 0.0, "generator_loss": 0.8, "discriminator_loss": 1.3}
    filled = {name: np.broadcast_to(value, n) for name, value in {**healthy, **columns}.items()}
    return pl.DataFrame({"epoch": range(1, n + 1), **filled})


TIME = np.arange(40)


@pytest.mark.parametrize(
    ("rule", "columns", "settings"),
    [
        ("mode_collapse", {"diversity": 0.2}, {}),
        ("mode_collapse", {"coverage": 0.3}, {}),
        ("discriminator_wins", {"d_real": 0.99, "d_fake": 0.01}, {}),
        ("oscillation", {"d_fake": 0.4 + 0.25 * np.sin(TIME)}, {}),
        ("memorising", {"copies": 0.5}, {}),
        ("divergence", {}, {"diverged": 3}),
    ],
)
def test_each_rule_sees_its_symptom_alone(rule, columns, settings):
    found = diagnose_gan(Course(course(**columns), **settings)).findings
    assert [finding.rule.split(".")[0] for finding in found] == [rule]
    assert rule in RULES
    assert 0 < found[0].confidence <= 1
    assert found[0].changes


def test_rules_say_when_a_symptom_began():
    late = np.where(TIME < 25, 0.9, 0.1)
    (finding,) = diagnose_gan(Course(course(diversity=late))).findings
    assert finding.epoch == 26
    sure = {"d_real": np.where(TIME < 20, 0.6, 0.99), "d_fake": np.where(TIME < 20, 0.4, 0.01)}
    (finding,) = diagnose_gan(Course(course(**sure))).findings
    assert finding.epoch == 21


def test_vanished_gradient_is_named_under_the_minimax_loss():
    columns = {"d_real": 0.999, "d_fake": 0.001}
    columns["generator_gradient"] = np.where(TIME < 5, 1.0, 1e-4)
    (finding,) = diagnose_gan(Course(course(**columns), loss="minimax")).findings
    assert "gradient has fallen to 0.01%" in finding.symptom


def test_missing_evidence_is_named_and_no_rule_guesses():
    bare = course().select("epoch", "d_real", "d_fake")
    diagnosis = diagnose_gan(Course(bare))
    assert diagnosis.healthy
    assert "measure_every" in diagnosis.missing[0]
    short = diagnose_gan(Course(course(d_real=0.99, d_fake=0.01).head(3)))
    assert short.healthy
    assert "3 are too few" in short.missing[0]
