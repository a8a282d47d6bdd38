from itertools import pairwise
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jax.test_util import check_grads
from safetensors.numpy import load_file

from gradlab.errors import RecipeError
from gradlab.nn import (
    NORMALIZATIONS,
    BatchNorm,
    Dense,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Sequential,
    activation_layer,
    cross_entropy,
    default_groups,
    initial_state,
    population_statistics,
    standard_normal,
    statistics,
    trainable,
    xavier_normal,
)

ORACLE = load_file(Path(__file__).parents[1] / "oracles" / "layers.safetensors")

TABLE = jnp.array(  # six features (rows) of a batch of three (columns), as the documents print it
    [[1, 6, 3], [2, 2, 2], [0, 5, 1], [4, 1, 6], [5, 3, 2], [1, 1, 0]], float
)


def with_affine(layer, scale, shift):
    return eqx.tree_at(
        lambda m: (m.scale, m.shift), layer, (jnp.asarray(scale), jnp.asarray(shift))
    )


@jax.jit
def all_norms(x, epsilon):
    """Outputs in training of batch, layer, instance and group norm of 8 features."""
    layers = [kind(8, epsilon=epsilon) for kind in (BatchNorm, LayerNorm, InstanceNorm)]
    layers.append(GroupNorm(8, groups=2, epsilon=epsilon))
    return [layer(x, initial_state(layer), training=True)[0] for layer in layers]


# Statistics


@pytest.mark.catalogue("NRM-09", "WE-28", "ERR-17")
def test_statistics_of_the_printed_table(float64):
    table = TABLE.astype(float)
    rows = [3.333333, 2, 2, 3.666667, 3.333333, 0.666667]
    columns = [2.166667, 3, 2.333333]
    of_rows, of_columns = statistics(table, axis=1), statistics(table, axis=0)
    np.testing.assert_allclose(of_rows[0][:, 0], rows, atol=5e-7)
    np.testing.assert_allclose(of_columns[0][0], columns, atol=5e-7)
    np.testing.assert_allclose(
        jnp.sqrt(of_rows[1][:, 0]),
        [2.054805, 0, 2.160247, 2.054805, 1.247219, 0.471405],
        atol=5e-7,
    )
    np.testing.assert_allclose(
        jnp.sqrt(of_columns[1][0]), [1.771691, 1.914854, 1.885618], atol=5e-7
    )
    # The printed whole numbers are rounded deviations with divisor n - 1.
    np.testing.assert_allclose(
        jnp.sqrt(of_rows[1][:, 0] * 3 / 2),
        [2.516611, 0, 2.645751, 2.516611, 1.527525, 0.577350],
        atol=5e-7,
    )
    np.testing.assert_allclose(
        jnp.sqrt(of_columns[1][0] * 6 / 5), [1.940790, 2.097618, 2.065591], atol=5e-7
    )
    # Two printed means are wrong, row 3 and column 3; all others are the exact ones rounded.
    printed_rows, printed_columns = np.array([3, 2, 3, 4, 3, 1]), np.array([2, 3, 3])
    assert np.flatnonzero(np.round(rows) != printed_rows).tolist() == [2]
    assert np.flatnonzero(np.round(columns) != printed_columns).tolist() == [2]
    # Normalised without epsilon.
    batch = BatchNorm(6, epsilon=1e-300)
    y, _ = batch(table.T, batch.initial_state(), training=True)
    np.testing.assert_allclose(y[:, 0], [-1.135550, 1.297771, -0.162221], atol=5e-7)
    np.testing.assert_array_equal(y[:, 1], 0)
    np.testing.assert_allclose(y[:, 2], [-0.925820, 1.388730, -0.462910], atol=5e-7)
    y, _ = LayerNorm(6, epsilon=1e-300)(table.T, ())
    np.testing.assert_allclose(
        y[0], [-0.658505, -0.094072, -1.222937, 1.034793, 1.599225, -0.658505], atol=5e-7
    )


@pytest.mark.catalogue("NRM-12")
def test_one_function_with_an_axis_gives_the_statistics_of_all_four(float64, rng):
    x = jnp.asarray(rng.normal(3, 2, size=(4, 5, 3, 8)))

    in_groups = x.reshape(4, 5, 3, 2, 4)

    def normalized(values, axis):
        mean, variance = (
            np.asarray(part) for part in jax.jit(statistics, static_argnums=1)(values, axis)
        )
        values = np.asarray(values)
        np.testing.assert_allclose(mean, values.mean(axis, keepdims=True), rtol=1e-12)
        np.testing.assert_allclose(variance, values.var(axis, keepdims=True), rtol=1e-12)
        return ((values - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)

    by_batch, by_example, by_plane, by_group = all_norms(x, epsilon=1e-5)
    np.testing.assert_allclose(by_batch, normalized(x, (0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(by_example, normalized(x, (1, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(by_plane, normalized(x, (1, 2)), rtol=1e-9)
    np.testing.assert_allclose(by_group, normalized(in_groups, (1, 2, 4)), rtol=1e-9)
    # The switch: inference takes the stored averages, whatever the batch.
    layer = BatchNorm(8)
    mean, variance = np.linspace(-1, 1, 8), np.linspace(1, 2, 8)
    stored, _ = layer(x, (jnp.asarray(mean), jnp.asarray(variance)))
    expected = (np.asarray(x) - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(stored, expected, rtol=1e-9)
    assert not np.allclose(stored, by_batch)


def test_statistics_do_not_cancel_at_a_mean_far_from_zero(rng):
    x = rng.normal(1e5, 1, size=(512, 4)).astype(np.float32)
    _, variance = statistics(x, axis=0)
    np.testing.assert_allclose(variance[0], x.astype(float).var(axis=0), rtol=1e-3)
    y = GroupNorm(4, groups=1)(x.T[:, :4] + 0, ())[0]
    exact = x.T[:, :4].astype(float)
    exact = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, exact, atol=1e-2)


def test_nan_is_not_hidden():
    x = jnp.array([[1.0, jnp.nan], [2.0, 3.0]])
    mean, variance = statistics(x, axis=0)
    np.testing.assert_array_equal(jnp.isnan(mean[0]), [False, True])
    np.testing.assert_array_equal(jnp.isnan(variance[0]), [False, True])


# Batch norm


@pytest.mark.catalogue("NRM-02")
def test_batch_norm_gives_mean_shift_and_deviation_scale(float64, rng):
    x = jnp.asarray(rng.normal(7, 3, size=(50, 4)))
    scale, shift = rng.normal(size=4), rng.normal(size=4)
    layer = with_affine(BatchNorm(4), scale, shift)
    y, _ = layer(x, layer.initial_state(), training=True)
    np.testing.assert_allclose(y.mean(axis=0), shift, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=0), np.abs(scale), rtol=1e-5)
    check_grads(
        jax.jit(lambda m, v: m(v, m.initial_state(), training=True)[0]),
        (layer, x[:6]),
        order=1,
        modes=["rev"],
        rtol=1e-6,
    )


def test_batch_norm_equals_pytorch_through_training_and_inference(float64):
    layer = BatchNorm(4)
    state = layer.initial_state()
    for phase in ("train0", "train1", "eval"):
        part = {
            k.split(".", 2)[2]: v for k, v in ORACLE.items() if k.startswith(f"batch_norm.{phase}")
        }
        layer = with_affine(layer, part["weight"], part["bias"])

        def apply(m, v, state=state, training=phase != "eval"):
            return m(v, state, training=training)

        y, pull, state = jax.vjp(apply, layer, jnp.asarray(part["x"]), has_aux=True)
        of_layer, of_x = pull(jnp.asarray(part["cotangent"]))
        np.testing.assert_allclose(y, part["y"], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(of_x, part["x.grad"], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(of_layer.scale, part["weight.grad"], rtol=1e-9)
        np.testing.assert_allclose(of_layer.shift, part["bias.grad"], rtol=1e-9)
        if phase != "eval":
            step = phase[-1]
            np.testing.assert_allclose(state[0], ORACLE[f"batch_norm.mean{step}"], rtol=1e-12)
            np.testing.assert_allclose(state[1], ORACLE[f"batch_norm.variance{step}"], rtol=1e-12)


@pytest.mark.catalogue("NRM-03")
def test_inference_is_independent_of_the_other_rows_and_equals_the_formula(float64, rng):
    batches = jnp.asarray(rng.normal(2, 3, size=(20, 8, 4)))
    scale, shift = rng.normal(size=4), rng.normal(size=4)
    layer = with_affine(BatchNorm(4), scale, shift)
    means, variances = jax.vmap(lambda b: statistics(b, axis=0))(batches)
    state = population_statistics(means[:, 0], variances[:, 0], m=8)
    np.testing.assert_allclose(state[1], 8 / 7 * batches.var(axis=1).mean(axis=0), rtol=1e-12)
    x = jnp.asarray(rng.normal(size=(5, 4)))
    y, same = layer(x, state)
    assert same is state
    root = np.sqrt(state[1] + 1e-5)
    by_formula = scale / root * np.asarray(x) + (shift - scale * np.asarray(state[0]) / root)
    np.testing.assert_allclose(y, by_formula, rtol=1e-10)
    for i in range(5):
        np.testing.assert_array_equal(layer(x[i : i + 1], state)[0][0], y[i])
    # The mean over batches is the population's; E[x] and Var[x] estimate 2 and 9.
    np.testing.assert_allclose(state[0], 2, atol=4 * 3 / np.sqrt(160))
    np.testing.assert_allclose(state[1], 9, atol=4 * 9 * np.sqrt(2 / 140))


def test_running_averages_reach_the_exact_statistics(rng):
    layer = BatchNorm(2, momentum=0.99)
    batches = jnp.asarray(rng.normal(-1, 2, size=(800, 16, 2)), jnp.float32)
    state, _ = jax.lax.scan(
        lambda s, x: (layer(x, s, training=True)[1], None), layer.initial_state(), batches
    )
    np.testing.assert_allclose(state[0], -1, atol=0.2)
    np.testing.assert_allclose(state[1], 4, rtol=0.15)


@pytest.mark.catalogue("NRM-04")
def test_scale_and_shift_can_give_the_input_back(rng):
    x = rng.normal(5, 3, size=(30, 4)).astype(np.float32)
    layer = with_affine(BatchNorm(4), np.sqrt(x.var(axis=0) + np.float32(1e-5)), x.mean(axis=0))
    np.testing.assert_allclose(layer(x, layer.initial_state(), training=True)[0], x, rtol=1e-4)


@pytest.mark.catalogue("NRM-05")
def test_batch_norm_of_images_has_statistics_per_feature_map(rng):
    x = rng.normal(3, 2, size=(6, 5, 4, 3)).astype(np.float32)
    layer = BatchNorm(3)
    y, state = layer(x, layer.initial_state(), training=True)
    assert layer.scale.shape == layer.shift.shape == state[0].shape == state[1].shape == (3,)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, rtol=1e-4)


@given(
    arrays(np.float32, (6, 3), elements=st.floats(-100, 100, width=32)),
    st.permutations([True, True, True, True, False, False]),
)
def test_a_mask_equals_dropping_the_rows(x, mask):
    mask = np.array(mask)
    y, state = batch_norm_of_three(x, mask)
    y_dropped, state_dropped = batch_norm_of_three(x[mask], np.ones(4, bool))
    np.testing.assert_allclose(y[mask], y_dropped, atol=2e-3)
    np.testing.assert_allclose(state[0], state_dropped[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(state[1], state_dropped[1], rtol=1e-3, atol=1e-3)


@jax.jit
def batch_norm_of_three(x, mask):
    layer = BatchNorm(3)
    return layer(x, layer.initial_state(), training=True, mask=mask)


def test_gradients_with_a_mask_equal_those_without_the_rows(float64, rng):
    x, target = jnp.asarray(rng.normal(size=(7, 3))), jnp.asarray(rng.normal(size=(7, 3)))
    mask = jnp.array([True, False, True, True, True, False, True])
    layer = BatchNorm(3)

    def loss(v, target, weights, mask):
        y, _ = layer(v, layer.initial_state(), training=True, mask=mask)
        return jnp.sum(weights[:, None] * (y - target) ** 2)

    gradient = jax.jit(jax.grad(loss))
    masked = gradient(x, target, mask.astype(float), mask)
    dropped = gradient(x[mask], target[mask], jnp.ones(5), None)
    np.testing.assert_allclose(masked[mask], dropped, rtol=1e-9, atol=1e-12)
    assert not masked[~mask].any()


def test_what_stands_in_masked_rows_does_not_matter():
    x = jnp.array([[1.0], [2.0], [jnp.inf]])
    layer = BatchNorm(1)
    mask = jnp.array([True, True, False])
    y, state = layer(x, layer.initial_state(), training=True, mask=mask)
    np.testing.assert_allclose(y[:2, 0], [-1, 1], atol=1e-4)
    assert np.all(np.isfinite(state[0]))


def test_a_batch_of_one_row_gives_the_shift_and_keeps_the_running_variance():
    layer = with_affine(BatchNorm(2), jnp.ones(2), jnp.array([3.0, -1.0]))
    y, (_, variance) = layer(jnp.array([[8.0, 9.0]]), layer.initial_state(), training=True)
    np.testing.assert_array_equal(y, [[3, -1]])
    np.testing.assert_array_equal(variance, [1, 1])


def test_a_constant_feature_has_finite_gradients():
    layer = BatchNorm(2)
    x = jnp.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    gradient = jax.grad(lambda v: jnp.sum(layer(v, layer.initial_state(), training=True)[0] ** 3))(
        x
    )
    assert np.all(np.isfinite(gradient))


@given(st.floats(0.25, 4), st.floats(-10, 10))
def test_norms_ignore_scale_and_shift_of_their_input(scale, shift):
    x = np.random.default_rng(1).normal(size=(6, 4, 8)).astype(np.float32)
    moved = (scale * x + shift).astype(np.float32)
    # Without an epsilon that would see the scale.
    of_x, of_moved = all_norms(x, epsilon=1e-12), all_norms(moved, epsilon=1e-12)
    for y, y_moved in zip(of_x, of_moved, strict=True):
        np.testing.assert_allclose(y_moved, y, atol=2e-3)


@pytest.mark.catalogue("NRM-10")
def test_batch_norm_with_a_larger_rate_needs_fewer_updates(rng):
    """Five sigmoid layers, 8 features, 4 classes: updates until the loss is below 0.8."""
    n, widths = 256, (8, 24, 24, 24, 24, 24, 4)
    x = jnp.asarray(rng.normal(size=(n, 8)), jnp.float32)
    labels = jnp.asarray(2 * (x[:, 0] > 0) + (x[:, 1] > 0), jnp.int32)

    def updates(norm, rate):
        layers = []
        for i, (n_in, n_out) in enumerate(pairwise(widths)):
            draw = standard_normal(0, i, (n_in, n_out))
            layers.append(Dense(jnp.asarray(xavier_normal(draw, n_in, n_out)), jnp.zeros(n_out)))
            if n_out != 4:
                layers += [NORMALIZATIONS["batch"](n_out)] if norm else []
                layers.append(activation_layer("sigmoid", n_out, {}))
        net = Sequential(tuple(layers))
        params, rest = eqx.partition(net, trainable(net))

        @jax.jit
        def losses(params):
            def loss(params, state):
                scores, state = eqx.combine(params, rest)(x, state, training=True)
                total, weight = cross_entropy(scores, labels, jnp.ones(n))
                return total / weight, state

            def update(carry, _):
                params, state = carry
                (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(params, state)
                params = jax.tree.map(lambda p, g: p - rate * g, params, gradient)
                return (params, state), value

            return jax.lax.scan(update, (params, initial_state(net)), length=400)[1]

        reached = np.flatnonzero(losses(params) < 0.8)
        return reached[0] if len(reached) else np.inf

    plain = min(updates(norm=False, rate=rate) for rate in (0.2, 2.0))
    assert updates(norm=True, rate=2.0) < plain / 4


# The others


@pytest.mark.catalogue("NRM-06")
def test_layer_norm_has_the_statistics_of_one_example(rng):
    x = np.asarray(TABLE.T, np.float32)
    expected = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    layer = LayerNorm(6)
    together, _ = layer(x, (), training=True)
    np.testing.assert_allclose(together, expected, atol=1e-4)
    for i in range(3):
        alone, _ = layer(x[i : i + 1], (), training=True)
        np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.catalogue("NRM-07")
def test_instance_norm_normalises_every_plane(rng):
    y, _ = InstanceNorm(3)(rng.normal(5, 4, size=(2, 6, 5, 3)).astype(np.float32), ())
    np.testing.assert_allclose(y.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(1, 2)), 1, rtol=1e-4)


@pytest.mark.catalogue("NRM-08")
def test_the_limits_of_group_norm_are_layer_and_instance_norm(float64, rng):
    x = jnp.asarray(rng.normal(size=(3, 4, 5, 6)))
    scale, shift = rng.normal(size=6), rng.normal(size=6)

    def output(layer):
        return with_affine(layer, scale, shift)(x, ())[0]

    np.testing.assert_allclose(output(GroupNorm(6, groups=1)), output(LayerNorm(6)), rtol=1e-9)
    np.testing.assert_allclose(output(GroupNorm(6, groups=6)), output(InstanceNorm(6)), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("layer_norm", LayerNorm(8)),
        ("group_norm", GroupNorm(8, groups=2)),
        ("group_norm_image", GroupNorm(6, groups=3)),
        ("instance_norm", InstanceNorm(3)),
    ],
)
def test_values_and_gradients_equal_pytorch(name, layer, float64):
    part = {k.split(".", 1)[1]: v for k, v in ORACLE.items() if k.startswith(f"{name}.")}
    layer = with_affine(layer, part["weight"], part["bias"])
    layer = eqx.tree_at(lambda m: m.epsilon.value, layer, jnp.asarray(1e-5, float))
    y, pull = jax.vjp(lambda m, v: m(v, ())[0], layer, jnp.asarray(part["x"]))
    of_layer, of_x = pull(jnp.asarray(part["cotangent"]))
    np.testing.assert_allclose(y, part["y"], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(of_x, part["x.grad"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(of_layer.scale, part["weight.grad"], rtol=1e-9)
    np.testing.assert_allclose(of_layer.shift, part["bias.grad"], rtol=1e-9)


@pytest.mark.parametrize("name", [name for name, part in NORMALIZATIONS.items() if part])
def test_only_scale_and_shift_are_trained(name):
    layer = NORMALIZATIONS[name](6)
    marks = trainable(layer)
    assert marks.scale
    assert marks.shift
    assert sum(jax.tree.leaves(marks)) == 2
    assert layer.couples_examples == (name == "batch")


def test_default_groups_divide_and_are_not_small():
    for n in range(1, 300):
        groups = default_groups(n)
        assert n % groups == 0
        assert groups == 1 or n // groups >= 16


def test_groups_that_do_not_divide_are_refused_with_the_possible_ones():
    with pytest.raises(RecipeError, match=r"splits 10 features evenly; got groups=4.*1, 2, 5, 10"):
        GroupNorm(10, groups=4)
    with pytest.raises(RecipeError, match=r"groups=0"):
        GroupNorm(10, groups=0)


def test_instance_norm_of_dense_features_is_refused_with_advice():
    with pytest.raises(RecipeError, match=r"takes \(batch, \*space, channels\).*norm='layer'"):
        InstanceNorm(4)(jnp.ones((2, 4)), ())


def test_population_statistics_need_two_rows_a_batch():
    with pytest.raises(RecipeError, match="m >= 2 rows; got m=1"):
        population_statistics(jnp.ones((3, 2)), jnp.ones((3, 2)), m=1)
