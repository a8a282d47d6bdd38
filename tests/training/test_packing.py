import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab.training.packing import layout_of, pack, pack_on_host, unpack, unpack_on_host

DTYPES = [np.float32, np.int32, np.uint32, np.bool_, np.float64, np.int64]

leaves = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    )
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=6,
)


def assert_same_bits(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for leaf, twin in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        leaf, twin = np.asarray(leaf), np.asarray(twin)
        assert (leaf.dtype, leaf.shape) == (twin.dtype, twin.shape)
        assert leaf.tobytes() == twin.tobytes()  # bits: NaN equals NaN, 0 differs from -0


@given(tree=trees, padding=st.integers(0, 3))
def test_host_round_trip(tree, padding):
    layout = layout_of(tree)
    row = pack_on_host(tree, layout.words + padding)
    assert row.shape == (layout.words + padding,)
    assert not row[layout.words :].any()
    assert_same_bits(unpack_on_host(row, layout), tree)


@settings(max_examples=25)
@given(tree=trees)
def test_traced_words_equal_the_hosts(tree):
    with jax.enable_x64(True):
        layout = layout_of(tree)
        row = pack(jax.tree.map(jnp.asarray, tree), layout.words + 1)
        np.testing.assert_array_equal(row, pack_on_host(tree, layout.words + 1))
        assert_same_bits(unpack(row, layout), tree)


def test_host_and_traced_agree_inside_jit():
    tree = {
        "weight": np.array([[1.5, -0.0], [np.nan, np.inf]], np.float32),
        "steps": np.int32(-7),
        "alive": np.array([True, False]),
    }
    layout = layout_of(tree)
    row = pack_on_host(tree, 9)
    again = jax.jit(lambda row: pack(unpack(row, layout), 9))(row)
    np.testing.assert_array_equal(again, row)


def test_many_leaves():
    leaves = [np.full(i % 5 + 1, i, np.float32) for i in range(40)]
    layout = layout_of(leaves)
    words = np.asarray(jax.jit(lambda tree: pack(tree, layout.words + 2))(leaves))
    np.testing.assert_array_equal(words, pack_on_host(leaves, layout.words + 2))


def test_an_empty_tree_is_no_word():
    layout = layout_of(())
    assert layout.words == 0
    assert pack((), 2).tolist() == [0, 0]
    assert unpack(jnp.zeros(2, jnp.uint32), layout) == ()


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.complex64])
def test_other_types_are_refused(dtype):
    with pytest.raises(TypeError, match=f"pack.*bool.*32.*64.*{np.dtype(dtype)}"):
        layout_of({"x": np.zeros(3, dtype)})
