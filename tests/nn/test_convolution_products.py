"""The loops in machine code: every geometry, number of images and width of register."""

import itertools
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.native.machine import Registers, registers
from gradlab.nn.convolution import maps, products
from gradlab.nn.convolution.geometry import Geometry
from gradlab.nn.convolution.walk import to_image, to_signal

has_loops = pytest.mark.skipif(registers() is None, reason="no loops for this processor")


@st.composite
def numbers_of_geometries(draw):
    axes = draw(st.integers(1, 2))

    def numbers(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, dilation = numbers(1, 4), numbers(1, 3), numbers(1, 3)
    padding = tuple(zip(numbers(0, 4), numbers(0, 4), strict=True))
    size = tuple(d * (k - 1) + n for k, d, n in zip(kernel, dilation, numbers(1, 6), strict=True))
    return size, kernel, stride, padding, dilation


def seen(walk):
    """Return who sees whom through which tap: {(target, tap): source without border}."""
    found = {}
    for phase in walk.phases:
        for p, t in itertools.product(range(len(phase.targets)), range(len(phase.taps))):
            place = np.unravel_index(phase.sources[p] + phase.offsets[t], walk.bordered)
            place = tuple(
                int(n) - before for n, (before, _) in zip(place, walk.border, strict=True)
            )
            if all(0 <= n < size for n, size in zip(place, walk.source, strict=True)):
                found[int(phase.targets[p]), int(phase.taps[t])] = place
    return found


@settings(max_examples=60)
@given(numbers_of_geometries())
def test_a_walk_sees_what_the_formula_says_in_both_directions(numbers):
    geometry = Geometry(*numbers)
    forward, backward = {}, {}
    taps = list(itertools.product(*map(range, geometry.kernel)))
    for u, output in enumerate(itertools.product(*map(range, geometry.output))):
        for t, tap in enumerate(taps):
            pixel = tuple(
                s * place + d * i - before
                for place, i, s, d, (before, _) in zip(
                    output,
                    tap,
                    geometry.stride,
                    geometry.dilation,
                    geometry.padding,
                    strict=True,
                )
            )
            if all(0 <= n < size for n, size in zip(pixel, geometry.size, strict=True)):
                forward[u, t] = pixel
                backward[int(np.ravel_multi_index(pixel, geometry.size)), t] = output
    assert seen(to_signal(geometry)) == forward
    assert seen(to_image(geometry)) == backward


def arrays(geometry, n, c_in, c_out, dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, *geometry.size, c_in))
    w = rng.normal(size=(*geometry.kernel, c_in, c_out))
    y = rng.normal(size=(n, *geometry.output, c_out))
    return [jnp.asarray(a, dtype) for a in (x, w, rng.normal(size=c_out), y)]


@has_loops
@settings(max_examples=6)  # every one compiles six programs
@given(numbers_of_geometries(), st.integers(1, 9), st.integers(1, 9), st.integers(4, 21))
def test_the_loops_equal_the_vendors_convolution(numbers, n, c_in, c_out):
    geometry = Geometry(*numbers)
    with jax.enable_x64(True):
        x, w, b, y = arrays(geometry, n, c_in, c_out, np.float64)
        signal = products.gather(x, w, b, geometry, backwards=False)
        np.testing.assert_allclose(signal, maps._plus(maps._vendor(x, w, geometry), b), atol=1e-11)
        image = products.gather(y, w, None, geometry, backwards=True)
        np.testing.assert_allclose(image, maps._vendor_spread(y, w, geometry), atol=1e-11)
        weight, bias = products.relate(x, y, geometry)
        np.testing.assert_allclose(weight, maps._vendor_relate(x, y, geometry), atol=1e-10)
        np.testing.assert_allclose(bias, y.sum(axis=range(y.ndim - 1)), atol=1e-10)


SAME = ((1, 1), (1, 1))
LARGE = {  # of which bands are taken, the last one smaller
    "stride 1": Geometry((41, 40), (3, 3), (1, 1), SAME, (1, 1)),
    "stride 2": Geometry((83, 40), (4, 4), (2, 2), SAME, (1, 1)),
    "stride 3, dilated": Geometry((125, 30), (3, 3), (3, 3), ((2, 0), (0, 2)), (1, 2)),
    "no padding": Geometry((40, 47), (5, 3), (1, 2), ((0, 0), (0, 0)), (1, 1)),
}


@has_loops
@pytest.mark.parametrize("geometry", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("n", [1, 6])
def test_bands_of_large_images_equal_the_vendors_convolution(geometry, n):
    x, w, b, y = arrays(geometry, n, 64, 16)
    close = {"rtol": 1e-4, "atol": 2e-4}
    signal = products.gather(x, w, b, geometry, backwards=False)
    np.testing.assert_allclose(signal, maps._plus(maps._vendor(x, w, geometry), b), **close)
    image = products.gather(y, w, None, geometry, backwards=True)
    np.testing.assert_allclose(image, maps._vendor_spread(y, w, geometry), **close)
    weight, _ = products.relate(x, y, geometry)
    np.testing.assert_allclose(weight, maps._vendor_relate(x, y, geometry), rtol=1e-3, atol=1e-2)


@has_loops
def test_an_image_has_the_same_bits_alone_on_all_cores_and_in_a_batch_on_one():
    geometry = LARGE["stride 1"]
    x, w, b, _ = arrays(geometry, 6, 64, 16)
    together = products.gather(x, w, b, geometry, backwards=False)
    for i in range(6):
        alone = products.gather(x[i : i + 1], w, b, geometry, backwards=False)
        np.testing.assert_array_equal(alone[0], together[i])


@has_loops
def test_calls_that_share_the_cores_never_wait_for_each_other():
    geometry = LARGE["stride 1"]
    x, w, *_ = arrays(geometry, 1, 64, 16)

    @jax.jit
    def often(x):
        def once(x, _):
            return jnp.tanh(products.gather(x, w[..., :64], None, geometry, backwards=False)), None

        return jax.lax.scan(once, x, length=20)[0]

    w = jnp.tile(w, 4) / 50
    expected, found = often(x), [None] * 6

    def work(i):
        found[i] = often(x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    for result in found:
        np.testing.assert_array_equal(result, expected)


@has_loops
@pytest.mark.parametrize("known", [Registers(16, 6), Registers(16, 8), Registers(64, 8)])
def test_every_width_of_register_gives_the_same_sums(known, monkeypatch):
    geometry = Geometry((7, 6), (3, 2), (2, 1), SAME, (1, 1))
    x, w, b, y = arrays(geometry, 7, 5, 37)
    expected = products.gather(x, w, b, geometry, backwards=False)
    weight, bias = products.relate(x, y, geometry)
    monkeypatch.setattr("gradlab.native.kernel.registers", lambda: known)
    kernel = products._gatherer.__wrapped__(geometry, False, 5, 37, np.dtype(np.float32), False)
    np.testing.assert_array_equal(kernel([expected.shape], x, w, b)[0], expected)
    kernel = products._relater.__wrapped__(geometry, 5, 37, np.dtype(np.float32))
    found, total = kernel([weight.shape, bias.shape], x, y)
    np.testing.assert_array_equal(found, weight)
    np.testing.assert_allclose(total, bias, rtol=1e-6)


def test_a_processor_without_them_takes_xlas_convolution(monkeypatch):
    geometry = Geometry((9, 8), (3, 3), (2, 2), SAME, (1, 1))
    x, w, b, y = arrays(geometry, 5, 8, 16)
    maps_of = (
        lambda: maps.convolve(x, w, b, geometry),
        lambda: maps.spread(y, w, geometry),
        lambda: maps.relate(x, y, geometry),
    )
    ours = [f() for f in maps_of]
    monkeypatch.setattr(products, "registers", lambda: None)
    text = jax.jit(lambda x: maps.convolve(x, w, b, geometry)).lower(x).as_text()
    assert "gradlab" not in text
    assert "stablehlo.convolution" in text
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), ours, [f() for f in maps_of]
    )


@has_loops
def test_members_of_a_vmap_are_convolved_each_with_its_weight():
    geometry = Geometry((6, 6), (3, 3), (1, 1), SAME, (1, 1))
    x, w, b, y = arrays(geometry, 6, 4, 8)

    def loss(w, x):
        return jnp.sum(jnp.sin(maps.convolve(x, w, b, geometry)) * y[:2])

    pairs = jnp.stack([w, 2 * w, -w]), x.reshape(3, 2, *x.shape[1:])
    together = jax.vmap(jax.grad(loss, argnums=(0, 1)))(*pairs)
    for i in range(3):
        alone = jax.grad(loss, argnums=(0, 1))(pairs[0][i], pairs[1][i])
        jax.tree.map(
            lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-5, atol=1e-5),
            together,
            alone,
        )


@has_loops
def test_no_images_give_an_empty_signal_and_a_gradient_of_zero():
    geometry = Geometry((6, 6), (3, 3), (1, 1), SAME, (1, 1))
    x, w, b, y = arrays(geometry, 0, 4, 8)
    assert maps.convolve(x, w, b, geometry).shape == (0, 6, 6, 8)
    assert not np.any(maps.relate(x, y, geometry)[0])
