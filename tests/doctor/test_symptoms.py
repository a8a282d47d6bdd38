"""What is seen: the detectors on made and on real numbers."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab.doctor.calibration import load_calibration
from gradlab.doctor.symptoms import (
    SYMPTOMS,
    curve_shape,
    dead_share,
    decay_table,
    gradient_decay,
    identical_units,
    symptoms,
)
from gradlab.doctor.symptoms.initial_loss import expected_loss
from gradlab.doctor.symptoms.lag_gradients import lag_gradients
from gradlab.errors import DataError
from gradlab.nn.activations import relu, sigmoid
from gradlab.optim import OPTIMIZERS, descend
from gradlab.optim.surfaces import bowl
from gradlab.plots.gradient_decay import gradient_decay_figure

from .made_evidence import evidence, facts, hidden, probes, record

CALIBRATION = load_calibration()


def names(found):
    return [symptom.name for symptom in symptoms(found, CALIBRATION)]


@pytest.mark.catalogue("DIF-13")
def test_rates_too_small_right_oscillating_and_too_large_on_a_bowl():
    """x²/20 + y² bears steps up to 1."""
    shapes = {}
    for rate in (1e-4, 3e-3, 0.5, 1.01):
        path = descend(OPTIMIZERS["sgd"], bowl, jnp.array([-7.0, 2.0]), 200, rate)
        shapes[rate] = curve_shape(np.asarray(jax.vmap(bowl)(path), float))
    assert shapes[1e-4] == "slow"
    assert shapes[3e-3] == "slow"
    assert shapes[0.5] == "converged"
    assert shapes[1.01] == "diverging"
    swinging = np.abs(np.cos(np.arange(40))) + 0.2
    assert curve_shape(np.r_[3.0, swinging]) == "oscillating"


@given(
    loss=hnp.arrays(
        float, st.integers(0, 30), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))
    ),
    scale=st.sampled_from([1.0, 8.0, 1 / 1024]),
)
def test_shape_of_a_curve_does_not_depend_on_its_unit(loss, scale):
    assert curve_shape(loss * scale) == curve_shape(loss)


@given(n=st.integers(4, 60), rate=st.floats(0.01, 0.5))
def test_monotone_curves_never_oscillate_or_diverge(n, rate):
    assert curve_shape((1 - rate) ** np.arange(n)) in ("slow", "converged", "flat")


@pytest.mark.catalogue("DIF-07")
def test_decay_of_a_sigmoid_network_is_measured_and_printed_by_layer_and_step(rng):
    """Ten layers of 30 sigmoids lose a factor of about 4 a layer, rectifiers with He hardly any."""
    weights = rng.normal(size=(10, 30, 30))

    def norms(function, scale):
        def forward(offsets):
            h = jnp.asarray(rng.normal(size=(16, 30)))
            for weight, offset in zip(weights, offsets, strict=True):
                h = function(h @ (scale * weight)) + offset
            return jnp.sum((h - 1) ** 2)

        gradient = jax.grad(forward)(jnp.zeros((10, 16, 30)))
        return np.linalg.norm(np.asarray(gradient, float).reshape(10, -1), axis=1)

    fading = gradient_decay(norms(sigmoid, 1 / np.sqrt(30)))
    assert fading.verdict == "vanishing"
    assert 0.1 < fading.rate < 0.35
    assert fading.fit > 0.98
    kept = gradient_decay(norms(relu, np.sqrt(2 / 30)))
    assert kept.verdict == "kept"
    assert kept.rate > 0.7
    lines = decay_table(norms(sigmoid, 1 / np.sqrt(30))).splitlines()
    assert len(lines) == 11
    assert "a step" in lines[-1]
    assert "vanishing" in lines[-1]
    assert all("×" in line for line in lines[:9])


def test_decay_needs_measured_norms():
    with pytest.raises(DataError, match="at least 2 gradient norms"):
        gradient_decay(np.array([1.0]))
    with pytest.raises(DataError, match="finite"):
        gradient_decay(np.array([1.0, np.nan]))


@pytest.mark.catalogue("DIF-09")
def test_gradient_over_lag_follows_the_spectral_radius(rng):
    """Linear recurrence with an orthogonal matrix times a radius: norm = radius^lag."""
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    measured = {}
    for radius in (0.8, 1.0, 1.2):
        matrix = jnp.asarray(radius * turn)
        measured[radius] = lag_gradients(
            lambda h, x, matrix=matrix: matrix @ h + x, jnp.zeros(8), jnp.zeros((30, 8))
        )
        np.testing.assert_allclose(
            measured[radius] / measured[radius][0], radius ** np.arange(31.0), rtol=1e-4
        )
    verdicts = [gradient_decay(n[::-1]).verdict for n in measured.values()]
    assert verdicts == ["vanishing", "kept", "exploding"]
    figure = gradient_decay_figure({f"spectral radius {r:g}": n for r, n in measured.items()})
    assert [trace.name for trace in figure.data] == [
        "spectral radius 0.8",
        "spectral radius 1",
        "spectral radius 1.2",
    ]
    assert figure.layout.yaxis.type == "log"
    np.testing.assert_array_equal(figure.data[0].y, measured[0.8])


@pytest.mark.catalogue("DIF-11")
def test_identical_units_are_reported(rng):
    weight = rng.normal(size=(5, 6))
    assert identical_units(weight) == ()
    weight[:, 4] = weight[:, 1]
    weight[:, 5] = weight[:, 1] * (1 + 1e-9)
    weight[:, 3] = weight[:, 0]
    assert identical_units(weight) == ((0, 3), (1, 4, 5))
    rows = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])
    assert identical_units(rows.T) == ((0, 1),), "rows of a matrix with a row a unit"
    assert identical_units(np.zeros((3, 4))) == ((0, 1, 2, 3),)


@pytest.mark.catalogue("DIF-12")
def test_share_of_units_dead_on_the_whole_set_is_reported(rng):
    x = rng.normal(size=(500, 10))
    weight, bias = rng.normal(size=(10, 20)), np.zeros(20)
    bias[:7] = -100.0
    activations = np.maximum(x @ weight + bias, 0)
    assert dead_share(activations) == pytest.approx(7 / 20)
    # On few rows more look dead than are.
    assert dead_share(activations[:2]) > dead_share(activations)
    assert dead_share(jnp.asarray(activations)) == pytest.approx(7 / 20)
    seen = evidence(records=(record(0.3, probes=probes(dead=[0.9, 0.1, 0.0])),))
    assert "dead units" in names(seen)
    (symptom,) = (s for s in symptoms(seen, CALIBRATION) if s.name == "dead units")
    assert symptom.where == ("hidden[0]",)
    assert symptom.numbers["dead share"] == pytest.approx(0.9)


def test_runs_that_are_lost_and_runs_that_only_grew_are_counted_apart():
    lost = record(status="diverged", loss=[2.0, np.inf, np.nan])
    grown = record(loss=[2.0, 1e6, 1e9])

    def said(*records) -> str:
        return next(s.sentence for s in symptoms(evidence(records=records), CALIBRATION))

    assert said(lost, lost, grown).startswith(
        "The training loss is not finite in 2 of 3 runs, and grew in 1 more"
    )
    assert said(lost, record(), record()).startswith(
        "The training loss is not finite in 1 of 3 runs."
    )
    assert "grew from 1.39 to 1e+09 in 1 of 1 run." in said(grown)


def test_healthy_training_shows_nothing():
    assert names(evidence(records=(record(probes=probes()),) * 3)) == []


SEEN = {
    "diverged": evidence(records=(record(status="diverged", loss=[2.0, np.inf, np.nan]),)),
    "stalled": evidence(end=0.26),
    "slow": evidence(records=(record(0.5, loss=1.39 - 0.01 * np.arange(1, 31)),)),
    "oscillating": evidence(records=(record(0.5, loss=0.8 + 0.3 * np.cos(3 * np.arange(30))),)),
    "plateau": evidence(records=(record(0.3, loss=np.full(30, 1.38)),)),
    "saturation": evidence(
        changes={"layers": hidden(activation="tanh")},
        records=(record(probes=probes(saturated=[0.9, 0.2, 0.0])),),
    ),
    "vanishing gradient": evidence(records=(record(probes=probes(gradient_out=[1e-9, 1e-5, 1])),)),
    "exploding gradient": evidence(records=(record(probes=probes(gradient_out=[1e5, 100, 1])),)),
    "alike units": evidence(records=(record(probes=probes(alike=[1.0, 0.0, 0.0])),)),
    "constant output": evidence(records=(record(probes=probes(output_std=[0.2, 0.001])),)),
    "large first loss": evidence(records=(replace(record(), initial_loss=80.0),)),
    "heavy penalty": evidence(records=(record(probes=probes(penalty=30.0)),)),
    "noisy gradient": evidence(records=(record(probes=probes(noise=5000.0)),)),
    "normalisation gap": evidence(records=(record(probes=probes(norm_gap=3.0)),)),
    "over-fitting": evidence(records=(record(0.5, train=1.0),)),
}


@pytest.mark.parametrize("name", SEEN)
def test_symptom_is_seen_and_said_with_its_numbers(name):
    found = {s.name: s for s in symptoms(SEEN[name], CALIBRATION)}
    assert name in found
    symptom = found[name]
    assert symptom.sentence.endswith(".")
    assert symptom.numbers
    assert 0 <= symptom.strength <= 1


def test_rectifiers_zero_half_is_no_saturation():
    assert "saturation" not in names(
        evidence(records=(record(probes=probes(saturated=[0.9, 0.9, 0.0])),))
    )


def test_single_unit_layers_are_not_alike():
    seen = evidence(
        changes={"layers": hidden(units=1)},
        records=(record(probes=probes(alike=[1.0, 1.0, 0.0])),),
    )
    assert "alike units" not in names(seen)


def test_expected_first_loss_of_each_task():
    assert expected_loss(evidence()) == pytest.approx(np.log(4))
    binary = {"task": "binary", "loss": "binary_cross_entropy"}
    assert expected_loss(evidence(changes=binary)) == pytest.approx(np.log(2))
    numbers = {"task": "regression", "loss": "squared_error"}
    assert expected_loss(evidence(changes=numbers, data=facts(target_std=3.0))) == 9
    assert expected_loss(evidence(changes={"loss_reduction": "sum"})) is None


def test_all_symptoms_are_tried():
    assert len(SYMPTOMS) == 15
