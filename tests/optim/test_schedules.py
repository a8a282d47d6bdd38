"""Learning-rate schedules as arrays."""

import numpy as np
import pytest

from gradlab.optim import (
    SCHEDULES,
    constant,
    cosine,
    exponential_decay,
    inverse_time_decay,
    step_decay,
    warm_up,
)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_every_schedule_starts_at_the_rate_and_never_rises(schedule):
    rates = schedule(0.1, 30, 7)
    assert rates.shape == (30, 7)
    assert rates.dtype == np.float64
    assert rates[0, 0] == pytest.approx(0.1)
    assert np.all(np.diff(rates.reshape(-1)) <= 0)
    assert np.all(rates > 0)
    assert schedule(1, 2, 3).shape == (2, 3)  # a whole number is a rate too


@pytest.mark.catalogue("LRS-01")
def test_constant_is_the_same_in_every_epoch():
    assert np.all(constant(0.1, 5, 3) == 0.1)


@pytest.mark.catalogue("LRS-02")
def test_step_decay_halves_every_ten_epochs():
    rates = step_decay(0.1, 21, 4, factor=0.5, every=10)
    assert np.all(rates[9] == 0.1)
    assert np.all(rates[10] == 0.05)
    assert np.all(rates[20] == 0.025)


@pytest.mark.catalogue("LRS-03")
@pytest.mark.parametrize(
    ("decay", "unit", "at"), [(0.1, "epoch", (10, 0)), (0.05, "step", (10, 0))]
)
def test_exponential_decay_is_one_over_e_at_kt_1(decay, unit, at):
    rates = exponential_decay(0.1, 11, 2, decay=decay, unit=unit)
    assert rates[at] == pytest.approx(0.036788, abs=5e-7)


@pytest.mark.catalogue("LRS-04")
@pytest.mark.parametrize(
    ("decay", "unit", "at"), [(0.1, "epoch", (10, 0)), (0.05, "step", (10, 0))]
)
def test_inverse_time_decay_is_half_at_kt_1(decay, unit, at):
    rates = inverse_time_decay(0.1, 11, 2, decay=decay, unit=unit)
    assert rates[at] == pytest.approx(0.05, rel=1e-12)


def test_reference_numbers_at_kt_1():
    """The schedule numbers of WE-39."""
    at = (10, 0)
    assert exponential_decay(0.1, 11, 1, decay=0.1)[at] == pytest.approx(0.036788, abs=5e-7)
    assert inverse_time_decay(0.1, 11, 1, decay=0.1)[at] == pytest.approx(0.05)
    assert step_decay(0.1, 11, 1, factor=0.5, every=10)[at] == pytest.approx(0.05)


def test_time_in_epochs_runs_within_an_epoch():
    rates = exponential_decay(1.0, 2, 4, decay=1.0)
    np.testing.assert_allclose(rates.reshape(-1), np.exp(-np.arange(8) / 4))


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_is_half_way_at_half_time_and_would_end_at_its_share(final):
    rates = cosine(0.1, 10, 10, final=final).reshape(-1)
    assert rates[50] == pytest.approx(0.1 * (1 + final) / 2)
    assert 0.1 * final < rates[-1] < 0.1 * final + 1e-4


def test_warm_up_is_linear_and_then_leaves_the_schedule_alone():
    rates = cosine(0.1, 3, 5)
    warm = warm_up(rates, 4)
    np.testing.assert_allclose((warm / rates).reshape(-1)[:5], [0.25, 0.5, 0.75, 1, 1])
    assert np.array_equal(warm[1:], rates[1:])
    assert np.array_equal(warm_up(rates, 0), rates)
