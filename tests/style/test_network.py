"""Feature networks: from files of published names, the user's own, the built-in one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from gradlab.errors import DataError, RecipeError
from gradlab.nn.architectures.vgg import CONVOLUTIONS
from gradlab.style import FeatureNetwork, builtin_network, published_network, transfer_style
from gradlab.style.builtin import WEIGHTS
from tests.style.conftest import small_network
from tests.style.test_losses import squeezenet_file


def vgg_tensors(depth, width=4):
    """Return a narrow VGG in the names of torchvision and timm, (out, in, height, width)."""
    rng, tensors, at, n_in = np.random.default_rng(depth), {}, 0, 3
    for block, times in enumerate(CONVOLUTIONS[depth], 1):
        for _ in range(times):
            n_out = width * min(block, 3)
            weight = rng.normal(size=(n_out, n_in, 3, 3)) * np.sqrt(2 / (9 * n_in))
            tensors[f"features.{at}.weight"] = weight.astype(np.float32)
            tensors[f"features.{at}.bias"] = np.zeros(n_out, np.float32)
            at, n_in = at + 2, n_out
        at += 1
    return tensors


@pytest.mark.parametrize(
    ("depth", "head"), [(16, "classifier.0"), (19, "head.fc"), (16, "pre_logits.fc1")]
)
def test_vgg_in_the_names_of_torchvision_and_timm(tmp_path, depth, head):
    tensors = vgg_tensors(depth)
    save_file({**tensors, f"{head}.weight": np.zeros((5, 7), np.float32)}, tmp_path / "vgg.st")
    (tmp_path / "vgg.st").rename(tmp_path / "vgg.safetensors")
    network = published_network(tmp_path / "vgg.safetensors")
    assert network.title == f"VGG-{depth}"
    assert network.content_layers == ("relu4_2",)
    assert network.style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    first = network.layers[network.names.index("conv1_1")]
    np.testing.assert_array_equal(first.weight, tensors["features.0.weight"].transpose(2, 3, 1, 0))
    maps = network.maps(jnp.ones((32, 32, 3)), ("relu5_1",))["relu5_1"]
    assert maps.shape == (2, 2, 12)


def test_what_is_missing_or_of_another_shape_is_named(tmp_path):
    tensors = vgg_tensors(16)
    del tensors["features.7.bias"]
    tensors["features.10.weight"] = np.zeros((12, 5, 3, 3), np.float32)
    path = tmp_path / "vgg16.safetensors"
    save_file(tensors, path)
    with pytest.raises(DataError) as error:
        published_network(path)
    assert "features.7.bias is missing; its shape would be (8,)" in str(error.value)
    assert "features.10.weight has shape (12, 5, 3, 3); expected (12, 8, 3, 3)" in str(error.value)


def test_files_of_no_known_network(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"layer1.weight": np.zeros((2, 2), np.float32)}, path)
    with pytest.raises(DataError, match=r"no network known by its names.*layer1"):
        published_network(path)
    cut = {name: v for name, v in vgg_tensors(16).items() if int(name.split(".")[1]) < 20}
    save_file(cut, path)
    with pytest.raises(DataError, match=r"its last convolution is features\.19"):
        published_network(path)
    save_file({**vgg_tensors(16), "features.1.running_mean": np.zeros(4, np.float32)}, path)
    with pytest.raises(DataError, match="batch norms"):
        published_network(path)


def test_squeezenet_by_either_name(tmp_path):
    from safetensors.numpy import load_file

    authors = squeezenet_file(tmp_path / "authors.safetensors")
    numbers = {"conv1": 0, "fire2": 3, "fire3": 4, "fire4": 6, "fire5": 7}
    numbers |= {"fire6": 9, "fire7": 10, "fire8": 11, "fire9": 12}
    renamed = {}
    for name, values in load_file(authors).items():
        layer, rest = name.split(".", 1)
        renamed[f"features.{numbers[layer]}.{rest.replace('squeeze1x1', 'squeeze')}"] = values
    save_file(renamed, tmp_path / "torchvision.safetensors")
    one = published_network(authors, convention="torch")
    two = published_network(tmp_path / "torchvision.safetensors")
    assert (one.title, two.convention) == ("SqueezeNet v1.1", "torch")
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)
    del renamed["features.4.squeeze.weight"]
    save_file(renamed, tmp_path / "torchvision.safetensors")
    with pytest.raises(DataError, match=r"features\.4\.squeeze\.weight is missing"):
        published_network(tmp_path / "torchvision.safetensors")


@pytest.mark.catalogue("STY-14")
def test_any_frozen_network_serves(photo, painting, tmp_path):
    save_file(vgg_tensors(16), tmp_path / "vgg16.safetensors")
    keys = jax.random.split(jax.random.key(0), 2)
    equinox = eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(3, 6, 3, padding=1, key=keys[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Conv2d(6, 8, 3, stride=2, key=keys[1]),
            eqx.nn.Lambda(jax.nn.relu),
        ]
    )
    vgg = published_network(tmp_path / "vgg16.safetensors")
    own = FeatureNetwork(equinox, content_layers=["3"], style_layers=["1", "3"])
    early = {"content_layers": ["relu2_2"], "style_layers": ["relu1_1", "relu2_1"]}
    for network, layers in ((vgg, early), (small_network(), {}), (own, {})):
        before = [np.array(leaf) for leaf in jax.tree.leaves(network)]
        result = transfer_style(
            photo, painting, network=network, steps=10, optimizer="adam", levels=1, **layers
        )
        assert result.history["total"][-1] < result.history["total"][0]
        for old, new in zip(before, jax.tree.leaves(network), strict=True):
            np.testing.assert_array_equal(old, new)


def test_the_built_in_network_is_small_and_sees():
    assert WEIGHTS.stat().st_size < 400_000
    network = builtin_network()
    flat, striped = jnp.full((32, 32, 3), 0.5), jnp.indices((32, 32))[0] % 4 / 3.0
    striped = jnp.broadcast_to(striped[..., None], (32, 32, 3))
    for layer in network.style_layers:
        one, two = (network.maps(x, (layer,))[layer].mean((0, 1)) for x in (flat, striped))
        assert float(jnp.abs(one - two).max()) > 0.05


def test_every_map_of_the_built_in_network_answers_to_something():
    """A map that is always 0, or a copy of others, measures nothing of a painting."""
    network = builtin_network()
    rng = np.random.default_rng(0)
    coarse = rng.uniform(size=(12, 12, 3)).repeat(8, axis=0).repeat(8, axis=1)
    picture = jnp.asarray(0.7 * coarse + 0.3 * rng.uniform(size=(96, 96, 3)), jnp.float32)
    for layer in network.style_layers:
        maps = network.maps(picture, (layer,))[layer]
        flat = np.asarray(maps).reshape(-1, maps.shape[-1])
        assert (flat.std(axis=0) > 1e-3).all()
        shares = np.linalg.eigvalsh(np.cov(flat.T))
        assert shares.sum() ** 2 / (shares**2).sum() > 4  # independent maps, about


def test_unknown_layers_are_named(network):
    with pytest.raises(RecipeError, match="Unknown layer of the small network 'conv9'"):
        network.known(["conv9"])
