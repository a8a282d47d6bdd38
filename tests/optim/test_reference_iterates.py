"""Three steps down f(w) = w² from w = 1 at learning rate 0.1, to nine decimals, for every form.

Misprinted forms of the documents live here only, written out as `literal_…`, each shown to fail.
"""

import math

import jax
import jax.numpy as jnp
import optax
import pytest

from gradlab.optim import OPTIMIZERS, adadelta, decoupled_weight_decay, sgd

NINE_DECIMALS = 5.1e-10

ROWS = [
    # kind, parameters, learning rate, w1, w2, w3, row of the catalogue
    ("sgd", {}, 0.1, (0.8, 0.64, 0.512), "OPT-01"),
    ("momentum_average", {}, 0.1, (0.98, 0.9424, 0.889712), "OPT-02"),
    ("momentum", {}, 0.1, (0.8, 0.46, 0.062), None),
    ("nesterov", {}, 0.1, (0.8, 0.496, 0.17792), None),
    ("adagrad", {"epsilon": 0.0}, 0.1, (0.9, 0.833103527, 0.780456181), None),
    (
        "adagrad",
        {"epsilon": 1e-8, "epsilon_placement": "inside"},
        0.1,
        (0.9, 0.833103527, 0.780456182),
        None,
    ),
    (
        "adagrad",
        {"epsilon": 1e-7, "epsilon_placement": "outside"},
        0.1,
        (0.900000005, 0.833103534, 0.780456190),
        "OPT-11",
    ),
    ("rmsprop", {"epsilon": 0.0}, 0.1, (0.683772234, 0.498870607, 0.369180553), "OPT-12"),
    ("rmsprop", {"epsilon": 1e-8}, 0.1, (0.683772238, 0.498870612, 0.369180558), None),
    ("rmsprop", {"epsilon": 1e-6}, 0.1, (0.683772629, 0.498871101, 0.369181071), None),
    (
        "rmsprop_nesterov",
        {"epsilon": 0.0},
        0.1,
        (0.683772234, 0.276525494, -0.060972975),
        "OPT-14",
    ),
    ("adadelta", {"epsilon": 1e-6}, 1.0, (0.996837726, 0.993598174, 0.990309046), None),
    ("adadelta", {"epsilon": 1e-8}, 1.0, (0.999683772, 0.999359378, 0.999029414), None),
    ("adam", {"epsilon": 1e-8}, 0.1, (0.9000000005, 0.800412229, 0.701586273), None),
    (
        "adam",
        {"epsilon": 1e-8, "epsilon_placement": "inside"},
        0.1,
        (0.9, 0.800412228, 0.701586272),
        None,
    ),
    ("adam", {"epsilon": 0.0}, 0.1, (0.9, 0.800412228, 0.701586271), None),
]


def row(kind, parameters, learning_rate, iterates, catalogue_id):
    ids = ("WE-31",) if catalogue_id is None else (catalogue_id, "WE-31")
    words = " ".join([kind, *(f"{k}={v}" for k, v in parameters.items())])
    mark = pytest.mark.catalogue(*ids)
    return pytest.param(kind, parameters, learning_rate, iterates, id=words, marks=mark)


@pytest.mark.parametrize(
    ("name", "parameters", "learning_rate", "expected"), [row(*r) for r in ROWS]
)
def test_reference_iterates(name, parameters, learning_rate, expected, float64):
    del float64
    _, weights = walk(name, parameters, learning_rate)
    assert weights == pytest.approx(expected, abs=NINE_DECIMALS)


def walk(name, parameters=None, learning_rate=0.1, start=1.0, n_steps=3):
    """Return the points where the gradient is taken, and the weights, after every step."""
    parameters = parameters or {}
    kind = OPTIMIZERS[name]
    optimizer = kind.factory(learning_rate, **parameters)
    point = jnp.asarray(start)
    state = optimizer.init(point)
    points, weights = [], []
    for _ in range(n_steps):
        updates, state = optimizer.update(2 * point, state, point)
        point = optax.apply_updates(point, updates)
        points.append(point.item())
        weights.append(kind.evaluation_params(point, state, parameters).item())
    return points, weights


# The documents' forms, by hand


def textbook_nesterov(w=1.0, sign=-1, beta=0.9, rate=0.1, n_steps=3):
    """Nesterov as two documents print it: gradient at w + sign·βv, then w + sign·v.

    sign −1: v ← βv + αg, w ← w − v. sign +1: v ← βv − αg, w ← w + v.
    """
    v, met, weights = 0.0, [], []
    for _ in range(n_steps):
        ahead = w + sign * beta * v
        v = beta * v - sign * rate * 2 * ahead
        w = w + sign * v
        met.append(ahead)
        weights.append(w)
    return met, weights


@pytest.mark.catalogue("OPT-06", "OPT-07", "WE-31")
def test_nesterov_takes_the_gradient_at_the_look_ahead_point(float64):
    del float64
    points, weights = walk("nesterov")
    for sign in (-1, 1):
        met, textbook = textbook_nesterov(sign=sign)
        assert textbook == pytest.approx((0.8, 0.496, 0.17792), abs=NINE_DECIMALS)
        assert weights == pytest.approx(textbook, abs=1e-15)
        assert points[:2] == pytest.approx(met[1:], abs=1e-15)


@pytest.mark.catalogue("OPT-08", "WE-31")
def test_keras_variables_hold_the_look_ahead_point(float64):
    del float64
    assert walk("momentum")[1] == pytest.approx((0.8, 0.46, 0.062), abs=NINE_DECIMALS)
    points, _ = walk("nesterov")
    assert points == pytest.approx((0.62, 0.2224, -0.108352), abs=NINE_DECIMALS)


@pytest.mark.catalogue("OPT-03", "WE-31")
def test_velocity_form_is_the_average_form_at_a_rescaled_rate(float64):
    del float64
    velocity = walk("momentum", learning_rate=0.1 * (1 - 0.9), n_steps=20)[1]
    average = walk("momentum_average", learning_rate=0.1, n_steps=20)[1]
    assert velocity == pytest.approx(average, abs=1e-14)
    assert walk("momentum")[1] == pytest.approx((0.8, 0.46, 0.062), abs=NINE_DECIMALS)


@pytest.mark.catalogue("OPT-04", "WE-31", "ERR-08")
def test_momentum_with_clashing_signs_ascends(float64):
    """Document 001 prints V = mV − αg with W − V."""
    del float64
    w, v, literal_momentum = 1.0, 0.0, []
    for _ in range(3):
        v = 0.9 * v - 0.1 * 2 * w
        w = w - v
        literal_momentum.append(w)
    assert literal_momentum == pytest.approx((1.2, 1.62, 2.322), abs=NINE_DECIMALS)
    assert literal_momentum[0] < literal_momentum[1] < literal_momentum[2]

    w, v, corrected = 1.0, 0.0, []
    for _ in range(3):
        v = 0.9 * v + 0.1 * 2 * w  # V = mV + αg with W − V
        w = w - v
        corrected.append(w)
    assert corrected == pytest.approx(walk("momentum")[1], abs=1e-15)


@pytest.mark.catalogue("WE-31", "ERR-03")
def test_adagrad_by_the_text_divides_by_h_instead_of_its_root():
    w, h, literal_adagrad = 1.0, 0.0, []
    for _ in range(3):
        g = 2 * w
        h += g * g
        w -= 0.1 * g / h
        literal_adagrad.append(w)
    assert literal_adagrad == pytest.approx((0.95, 0.925032852, 0.908263987), abs=NINE_DECIMALS)

    # It fails because the step then depends on the unit of the loss: AdaGrad's does not.
    for scale in (1.0, 1000.0):
        optimizer = OPTIMIZERS["adagrad"].factory(0.1, epsilon=0.0)
        g = jnp.asarray(2.0 * scale)
        step = optimizer.update(g, optimizer.init(g))[0].item()
        assert step == pytest.approx(-0.1)
        assert -0.1 * g / (g * g) == pytest.approx(-0.05 / scale)


@pytest.mark.catalogue("ERR-09")
def test_the_rate_does_not_belong_into_adagrads_sum():
    """With (α g)² in the sum the rate cancels: the first step is 1 whatever α."""
    for rate in (0.1, 0.001):
        assert rate * 2.0 / ((rate * 2.0) ** 2) ** 0.5 == pytest.approx(1.0)
        assert walk("adagrad", learning_rate=rate, n_steps=1)[1] == pytest.approx([1 - rate])


@pytest.mark.catalogue("OPT-13", "WE-31", "ERR-41")
def test_rmsprop_without_beta_on_the_old_average_keeps_growing(float64):
    """Document 003 prints E ← E + (1 − β) g²: it never forgets, so steps die as AdaGrad's do."""
    del float64
    assert walk("rmsprop", {"epsilon": 1e-8})[1] == pytest.approx(
        (0.683772238, 0.498870612, 0.369180558), abs=NINE_DECIMALS
    )
    assert walk("rmsprop", {"epsilon": 1e-6})[1] == pytest.approx(
        (0.683772629, 0.498871101, 0.369181071), abs=NINE_DECIMALS
    )

    w, e, literal_rmsprop = 1.0, 0.0, []
    for _ in range(3):
        g = 2 * w
        e = e + 0.1 * g * g
        w -= 0.1 * g / (e + 1e-8) ** 0.5
        literal_rmsprop.append(w)
    assert literal_rmsprop == pytest.approx(
        (0.683772238, 0.505281443, 0.383548217), abs=NINE_DECIMALS
    )

    # Constant gradient 1: the literal step falls like 1/√t, RMSProp's stays.
    optimizer = OPTIMIZERS["rmsprop"].factory(0.1)
    one, literal = jnp.asarray(1.0), 0.0
    state = optimizer.init(one)
    for _ in range(400):
        step, state = optimizer.update(one, state)
        literal += 0.1
    assert -step.item() == pytest.approx(0.1, rel=1e-6)
    assert 0.1 / literal**0.5 == pytest.approx(0.1 * (1 - 0.9) ** -0.5 / 400**0.5)


@pytest.mark.catalogue("OPT-16", "WE-31")
def test_adams_first_step_is_the_learning_rate(float64):
    del float64
    expected = (0.9000000005, 0.800412229, 0.701586273)
    assert walk("adam")[1] == pytest.approx(expected, abs=NINE_DECIMALS)
    for start in (1.0, -1.0, 300.0, -1e-3):
        step = walk("adam", start=start, n_steps=1)[1][0] - start
        sign = 1 if start > 0 else -1
        # α·g/(|g| + ε) falls short of α by the share ε/|g|.
        assert step == pytest.approx(-0.1 * sign, rel=1.1e-8 / abs(2 * start))


@pytest.mark.catalogue("OPT-17", "WE-31", "ERR-49")
def test_epsilon_inside_the_root_matters_only_for_tiny_gradients(float64):
    del float64
    inside = {"epsilon": 1e-8, "epsilon_placement": "inside"}
    outside = {"epsilon": 1e-8, "epsilon_placement": "outside"}
    usual = walk("adam", inside)[1]
    assert usual == pytest.approx((0.9, 0.800412228, 0.701586272), abs=NINE_DECIMALS)
    assert usual == pytest.approx(walk("adam", outside)[1], abs=2e-9)

    tiny = 0.5e-8  # gradient 1e-8 = ε
    step_inside = tiny - walk("adam", inside, start=tiny, n_steps=1)[1][0]
    step_outside = tiny - walk("adam", outside, start=tiny, n_steps=1)[1][0]
    assert step_outside == pytest.approx(0.05, rel=1e-6)  # α·ε/(ε + ε)
    assert step_inside == pytest.approx(0.1 * 1e-8 / 1e-8**0.5, rel=1e-6)  # 5000 times less


@pytest.mark.catalogue("OPT-18", "WE-31", "ERR-06")
def test_adam_with_minus_signs_has_no_root(float64):
    """Document 000 prints m = β1 m − (1 − β1) g and v = β2 v − (1 − β2) g²."""
    del float64
    g = 2.0
    literal_v = 0.999 * 0.0 - (1 - 0.999) * g**2
    v_hat = literal_v / (1 - 0.999)
    assert v_hat == pytest.approx(-4)
    with pytest.raises(ValueError, match="math domain error"):
        math.sqrt(v_hat)
    expected = (0.9, 0.800412228, 0.701586271)
    assert walk("adam", {"epsilon": 0.0})[1] == pytest.approx(expected, abs=NINE_DECIMALS)


@pytest.mark.catalogue("OPT-15", "WE-31")
def test_adadelta_needs_no_learning_rate(float64):
    del float64
    for epsilon, w1 in ((1e-6, 0.996837726), (1e-8, 0.999683772)):
        optimizer, g = adadelta(epsilon=epsilon), jnp.asarray(2.0)
        assert 1 + optimizer.update(g, optimizer.init(g))[0].item() == pytest.approx(
            w1, abs=NINE_DECIMALS
        )


def literal_adam_001(w, n_steps=3):
    """Document 001 prints θ − η/(√v̂ + ε), without m̂."""
    v, weights = 0.0, []
    for t in range(1, n_steps + 1):
        v = 0.999 * v + 0.001 * (2 * w) ** 2
        w -= 0.1 / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        weights.append(w)
    return weights


@pytest.mark.catalogue("OPT-19", "WE-31", "ERR-11")
def test_adam_without_the_mean_gradient_climbs_where_the_gradient_is_negative(float64):
    del float64
    assert literal_adam_001(1.0) == pytest.approx(
        (0.95, 0.898734142, 0.846127143), abs=NINE_DECIMALS
    )
    away = literal_adam_001(-1.0)  # the minimum is at 0, to the right
    assert away[2] < away[1] < away[0] < -1
    towards = walk("adam", start=-1.0)[1]
    assert -1 < towards[0] < towards[1] < towards[2]
    expected = (0.9000000005, 0.800412229, 0.701586273)  # OPT-16
    assert walk("adam")[1] == pytest.approx(expected, abs=NINE_DECIMALS)


@pytest.mark.catalogue("OPT-20", "WE-31")
def test_adam_without_bias_correction_starts_three_times_too_fast():
    w, m, v, uncorrected = 1.0, 0.0, 0.0, []
    for _ in range(3):
        g = 2 * w
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w -= 0.1 * m / (v**0.5 + 1e-8)
        uncorrected.append(w)
    assert uncorrected == pytest.approx((0.683772284, 0.270206069, -0.162141343), abs=NINE_DECIMALS)
    assert 1 - uncorrected[0] == pytest.approx(0.316, abs=5e-4)
    assert 1 - walk("adam", n_steps=1)[1][0] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.catalogue("OPT-25")
def test_nadams_first_step_is_1_9_learning_rates(float64):
    del float64
    kind = OPTIMIZERS["nadam"]
    assert kind.documented == "picture only"
    g = jnp.asarray(2.0)
    optimizer = kind.factory(0.1)
    step = optimizer.update(g, optimizer.init(g))[0].item()
    assert step == pytest.approx(-0.1 * (0.9 + 1), rel=1e-8)
    optax_step = optax.nadam(0.1).update(g, optax.nadam(0.1).init(g))[0].item()
    assert optax_step == pytest.approx(-0.147, abs=5e-4)  # another variant


@pytest.mark.catalogue("REG-02", "WE-31", "ERR-24")
def test_weight_decay_without_a_gradient_shrinks_by_a_fixed_share(float64):
    del float64
    optimizer = optax.chain(sgd(0.1), decoupled_weight_decay(0.1, 0.01))
    w, seen = jnp.asarray(1.0), []
    state = optimizer.init(w)
    for _ in range(3):
        updates, state = optimizer.update(jnp.zeros_like(w), state, w)
        w = optax.apply_updates(w, updates)
        seen.append(w.item())
    assert seen == pytest.approx((0.999, 0.998001, 0.997002999), abs=NINE_DECIMALS)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "rmsprop_nesterov", "adam", "nadam"])
def test_epsilon_zero_leaves_a_weight_without_gradient_where_it_is(name):
    optimizer = OPTIMIZERS[name].factory(0.1, epsilon=0.0)
    w = jnp.array([1.0, 1.0])
    state = optimizer.init(w)
    for _ in range(3):
        updates, state = optimizer.update(jnp.array([0.0, 1.0]), state, w)
        w = optax.apply_updates(w, updates)
    assert w[0] == 1
    assert w[1] < 1
    assert jax.numpy.isfinite(w[1])
