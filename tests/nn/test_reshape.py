import jax
import numpy as np
import pytest

from gradlab.errors import RecipeError
from gradlab.nn.reshape import Flatten, Reshape, Upsample2D, ZeroPad2D


@pytest.mark.catalogue("CNN-07", "WE-24")
def test_a_border_of_zeros_leaves_the_inner_part(rng):
    x = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    layer = ZeroPad2D(2)
    y, _ = layer(x, ())
    assert layer.output_shape((32, 32, 3)) == y.shape[1:] == (36, 36, 3)
    np.testing.assert_array_equal(y[:, 2:-2, 2:-2], x)
    border = np.array(y)
    border[:, 2:-2, 2:-2] = 0
    assert not border.any()


def test_flatten_and_reshape_undo_each_other(rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    flat, _ = Flatten()(x, ())
    np.testing.assert_array_equal(Reshape((3, 4, 5))(flat, ())[0], x)
    assert Reshape((3, 4, 5)).output_shape(flat.shape[1:]) == (3, 4, 5)
    assert Flatten().output_shape((3, 4, 5)) == (60,)


def test_upsampling_repeats_pixels_and_its_gradient_adds_them(rng):
    x = rng.normal(size=(2, 3, 2, 4)).astype(np.float32)
    layer = Upsample2D((2, 3))
    y, pull = jax.vjp(lambda v: layer(v, ())[0], x)
    assert layer.output_shape((3, 2, 4)) == y.shape[1:] == (6, 6, 4)
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(3, axis=2))
    g = rng.normal(size=y.shape).astype(np.float32)
    expected = g.reshape(2, 3, 2, 2, 3, 4).sum(axis=(2, 4))
    np.testing.assert_allclose(pull(g)[0], expected, rtol=1e-5, atol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(RecipeError, match=r"Reshape to 4x4x3 takes 48 numbers .*; got 50"):
        Reshape((4, 4, 3)).output_shape((50,))
    with pytest.raises(RecipeError, match="border in numbers"):
        ZeroPad2D("same")
    with pytest.raises(RecipeError, match=r"\(height, width, channels\); got 50"):
        Upsample2D(2).output_shape((50,))
    with pytest.raises(RecipeError, match="factor takes a number >= 1"):
        Upsample2D(0)
