"""The losses against the documents' numbers, finite differences and PyTorch."""

import zlib
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.test_util import check_grads
from safetensors.numpy import load_file, save_file

from gradlab.style import (
    content_gradient,
    content_loss,
    gram_matrix,
    published_network,
    style_loss,
    total_variation,
)
from gradlab.style.objective import Plan
from gradlab.style.scales import Scales
from gradlab.style.targets import style_grams, task_for

F = jnp.array([[1.0, 2.0], [3.0, 4.0]])  # the documents' form: maps by places


@pytest.mark.catalogue("WE-38")
def test_documents_numbers():
    maps = F.T
    gram = gram_matrix(maps)
    assert gram.tolist() == [[5, 11], [11, 25]]
    assert float(style_loss(gram, jnp.zeros((2, 2)), n_places=2)) == 13.9375
    assert float(content_loss(maps, jnp.array([[0.0, 2.0], [3.0, 3.0]]).T)) == 1.0
    image = jnp.array([[1.0, 2.0], [4.0, 8.0]])
    assert float(total_variation(image, beta=2.0)) == 10
    assert float(total_variation(image, beta=1.0)) == pytest.approx(3.162278, abs=1e-6)
    assert float(total_variation(image, beta=2.0, border="edge")) == 62
    assert float(total_variation(image, beta=1.0, border="edge")) == pytest.approx(13.162278)


@pytest.mark.catalogue("STY-02")
def test_total_variation(float64, rng):
    image = jnp.array([[1.0, 2.0], [4.0, 8.0]])
    values = [float(total_variation(image, beta=2.0, border=b)) for b in ("interior", "edge")]
    assert values == [10, 62]
    for beta in (1.0, 2.0, 2.5):
        for border in ("interior", "edge"):
            assert float(total_variation(jnp.full((5, 4, 3), 0.3), beta=beta, border=border)) == 0
            picture = jnp.asarray(rng.uniform(size=(4, 5, 3)))
            varied = lambda x, b=beta, e=border: total_variation(x, beta=b, border=e)  # noqa: E731
            check_grads(varied, (picture,), order=1, modes=["rev"], atol=1e-6, rtol=1e-6)
    flat = jax.grad(lambda x: total_variation(x, beta=1.0))(jnp.ones((3, 3)))
    assert (flat == 0).all()  # not NaN, as the formula's own derivative would be


@pytest.mark.catalogue("STY-06", "CMP-32")
def test_content_loss_behind_a_relu(float64, rng):
    target = jnp.array([[0.0, 2.0], [3.0, 3.0]])
    assert float(content_loss(F, target)) == 1.0
    before, target = (jnp.asarray(rng.normal(size=(3, 4, 5))) for _ in range(2))
    of_input = lambda x: content_loss(jax.nn.relu(x), jax.nn.relu(target))  # noqa: E731
    check_grads(of_input, (before,), order=1, modes=["rev"], atol=1e-6, rtol=1e-6)
    documents = content_gradient(jax.nn.relu(before), jax.nn.relu(target))
    np.testing.assert_allclose(jax.grad(of_input)(before), documents, rtol=1e-12)
    assert (documents[before < 0] == 0).all()
    assert (documents[before > 0] != 0).any()


@pytest.mark.catalogue("STY-07")
@given(seed=st.integers(0, 1000))
def test_gram_matrix(seed):
    assert gram_matrix(F.T).tolist() == [[5, 11], [11, 25]]
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(6, 7)).astype(np.float32)
    gram = np.asarray(gram_matrix(maps))
    np.testing.assert_array_equal(gram, gram.T)
    np.testing.assert_allclose(gram_matrix(rng.permutation(maps)), gram, atol=1e-5)
    np.testing.assert_allclose(gram_matrix(maps.reshape(2, 3, 7)), gram, atol=1e-5)


@pytest.mark.catalogue("STY-08")
def test_style_loss(float64, rng):
    assert float(style_loss(gram_matrix(F.T), jnp.zeros((2, 2)), 2)) == 13.9375
    maps, target = (jnp.asarray(rng.normal(size=(6, 4))) for _ in range(2))
    loss = lambda maps: style_loss(gram_matrix(maps), gram_matrix(target), 6)  # noqa: E731
    check_grads(loss, (maps,), order=1, modes=["rev"], atol=1e-6, rtol=1e-6)
    # The documents' derivative, 1 / (N² M²) (F^T (G − A)).
    gram, other = gram_matrix(maps), gram_matrix(target)
    expected = maps @ (gram - other) / (4**2 * 6**2)
    np.testing.assert_allclose(jax.grad(loss)(maps), expected, rtol=1e-10)


def test_style_of_another_size_is_no_other_style(rng):
    maps = jnp.asarray(rng.normal(size=(6, 4)), jnp.float32)
    twice = jnp.concatenate([maps, maps])
    assert float(style_loss(gram_matrix(twice), gram_matrix(maps), 12, 6)) < 1e-10


def drawn(name, shape, scale):
    """Repeat tools/oracles/style.py."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return (scale * rng.normal(size=shape)).astype(np.float32)


def picture(name, size):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.uniform(size=(*size, 3)).astype(np.float32)


def squeezenet_file(path):
    """Write SqueezeNet's body in the authors' names, weights drawn by name."""
    shapes = {"conv1": (64, 3, 3, 3)}
    stages = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128))
    stages += ((256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))
    for number, (n_in, squeezed, expanded) in enumerate(stages, 2):
        shapes[f"fire{number}.squeeze1x1"] = (squeezed, n_in, 1, 1)
        shapes[f"fire{number}.expand1x1"] = (expanded, squeezed, 1, 1)
        shapes[f"fire{number}.expand3x3"] = (expanded, squeezed, 3, 3)
    tensors = {}
    for name, shape in shapes.items():
        scale = (2 / np.prod(shape[1:])) ** 0.5
        tensors[f"{name}.weight"] = drawn(f"{name}.weight", shape, scale)
        tensors[f"{name}.bias"] = drawn(f"{name}.bias", shape[:1], 0.1)
    save_file(tensors, path)
    return path


def test_losses_on_squeezenet_agree_with_pytorch(float64, tmp_path):
    oracle = load_file(Path(__file__).parent.parent / "oracles" / "style.safetensors")
    network = published_network(squeezenet_file(tmp_path / "squeezenet.safetensors"))
    network = jax.tree.map(
        lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, network
    )
    plan = Plan(("fire4", "fire5"), ("relu1", "fire2", "fire3", "fire5"))
    network = network.up_to(plan.layers)
    grams = style_grams(picture("style", (72, 48)).astype(np.float64), network, plan)
    task = task_for(
        picture("content", (56, 64)).astype(np.float64),
        {name: gram[None] for name, gram in grams.items()},
        network,
        plan,
        weights=(1e-3, 1e-2, 5.0),
        scales=Scales(),
        layer_weights="equal",
    )
    x = jnp.asarray(picture("start", (56, 64)).astype(np.float64))
    terms, gradient = eqx.filter_jit(lambda t, x: (t.terms(x), jax.grad(t.total)(x)))(task, x)
    np.testing.assert_allclose(terms.content, oracle["content"], rtol=1e-9)
    np.testing.assert_allclose(terms.style, oracle["style"], rtol=1e-9)
    np.testing.assert_allclose(terms.variation, oracle["variation"], rtol=1e-9)
    np.testing.assert_allclose(terms.total(task.weights), oracle["total"], rtol=1e-9)
    np.testing.assert_allclose(gradient, oracle["gradient"], atol=1e-9 * np.abs(gradient).max())
