"""The published networks are those of their papers, and compute what PyTorch computes."""

import importlib.util
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gradlab.errors import DataError, RecipeError
from gradlab.nn import Dense, n_parameters
from gradlab.nn.architectures import (
    ARCHITECTURES,
    ResidualBlock,
    imagenet_input,
    normalized,
    resnet,
    squeezenet,
    vgg,
    vgg_features,
)
from gradlab.nn.loading import load_weights
from gradlab.nn.slots import slots
from gradlab.nn.weights import Weights

PEER = Path(__file__).parents[2] / "benchmarks" / "peers" / "torch_published.py"


# The counts are those of the papers' tables and of the files that are published.
@pytest.mark.parametrize(
    ("build", "shape", "count", "classes"),
    [
        (lambda: squeezenet(seed=None), (227, 227, 3), 1_235_496, 1000),
        (lambda: resnet(20, seed=None), (32, 32, 3), 269_722, 10),
        (lambda: resnet(56, seed=None), (32, 32, 3), 853_018, 10),
    ],
)
def test_a_network_has_the_published_number_of_weights_and_outputs(build, shape, count, classes):
    network = build()
    assert n_parameters(network) == count
    x = jax.ShapeDtypeStruct((2, *shape), np.float32)
    y = eqx.filter_eval_shape(lambda x: network(x, network.initial_state())[0], x)
    assert y.shape == (2, classes)


@pytest.mark.parametrize(("depth", "count"), [(11, 9_220_480), (16, 14_714_688)])
def test_vgg_has_the_published_number_of_weights_before_its_dense_layers(depth, count):
    assert n_parameters(vgg_features("pool5", depth=depth, seed=None)) == count


def test_vgg_ends_in_three_dense_layers_that_fit_its_maps():
    network = vgg(11, n_classes=7, seed=None)
    dense = [layer.weight.shape for layer in network.layers if isinstance(layer, Dense)]
    assert dense == [(25088, 4096), (4096, 4096), (4096, 7)]
    x = jax.ShapeDtypeStruct((1, 224, 224, 3), np.float32)
    y = eqx.filter_eval_shape(lambda x: network(x, network.initial_state())[0], x)
    assert y.shape == (1, 7)


def test_vgg_features_end_where_they_are_told_to():
    assert len(vgg_features("conv5_1", seed=None).layers) == 29
    assert vgg_features("relu1_2", depth=16, seed=None).layers[-1].kind == "activation"
    with pytest.raises(RecipeError, match=r"'conv6_1'.*Known: conv1_1"):
        vgg_features("conv6_1", seed=None)
    with pytest.raises(RecipeError, match="depth of 11, 13, 16, 19; got depth=12"):
        vgg_features(depth=12, seed=None)
    with pytest.raises(RecipeError, match=r"6 n \+ 2 layers"):
        resnet(21)


@pytest.mark.parametrize("name", ["squeezenet", "resnet20", "resnet110"])
def test_the_names_of_a_published_file_reach_every_layer_once(name):
    architecture = ARCHITECTURES[name]
    layers = {slot.layer for slot in slots(architecture.create(seed=None))}
    targets = list(architecture.names.values())
    reached = [
        next((t for t in targets if layer == t or layer.startswith(f"{t}.")), None)
        for layer in layers
    ]
    assert None not in reached
    assert set(reached) == set(targets)
    assert len(targets) == len(set(targets))


def test_a_widening_block_of_zeros_passes_every_second_pixel_with_channels_of_zeros(rng):
    block = ResidualBlock.create(iter([Weights(seed=None)] * 2), 2, 4, stride=2)
    x = jnp.asarray(rng.random((1, 6, 5, 2)), jnp.float32)
    y, _ = block(x, block.initial_state())
    expected = np.zeros((1, 3, 3, 4), np.float32)
    expected[..., 1:3] = x[:, ::2, ::2]
    np.testing.assert_array_equal(y, expected)


def test_a_block_moves_both_running_averages_in_training_and_none_at_inference(rng):
    block = ResidualBlock.create(iter(Weights(layer=i) for i in range(2)), 3, 3)
    x = jnp.asarray(rng.random((4, 5, 5, 3)), jnp.float32)
    state = block.initial_state()
    for training in (False, True):
        after = block(x, state, training=training)[1]
        pairs = zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True)
        assert [np.array_equal(a, b) for a, b in pairs] == [not training] * 4


def test_a_photo_is_resized_by_its_shorter_side_and_cropped_in_the_middle():
    columns = np.broadcast_to(np.arange(200, dtype=np.uint8), (100, 200))  # brighter to the right
    x = imagenet_input(columns, size=50, resize=50, convention="caffe")
    assert x.shape == (1, 50, 50, 3)
    seen = x[0, 0, :, 2] + 123
    assert (seen[0], seen[-1]) == pytest.approx((50.5, 148.5), abs=1)
    rgb = imagenet_input(Image.fromarray(columns), size=50, resize=50)
    expected = (x[..., ::-1] + np.array([123, 117, 104])) / 255 - np.array([0.485, 0.456, 0.406])
    np.testing.assert_allclose(rgb * np.array([0.229, 0.224, 0.225]), expected, atol=1e-6)


def test_what_is_no_photo_is_refused():
    for shape in ((2, 5, 5, 3), (5, 5, 4), (0, 5, 3), (5,)):
        with pytest.raises(DataError, match="A photo has shape"):
            imagenet_input(np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="does not fit in resize=20"):
        imagenet_input(np.zeros((50, 50), np.uint8), size=30, resize=20)
    assert imagenet_input(np.zeros((1, 1), np.uint8), size=8).shape == (1, 8, 8, 3)
    assert normalized(np.zeros((2, 4, 4, 3), np.uint8)).dtype == np.float32


# Beside PyTorch


def torch_resnet20(torch):
    """Return the residual network as its published weights have it, option A."""
    from torch.nn import functional

    class Block(torch.nn.Module):
        def __init__(self, n_in, n_out, stride):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(n_out)
            self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(n_out)
            self.wider = n_out - n_in

        def forward(self, x):
            y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
            if self.wider:
                border = (0, 0, 0, 0, self.wider // 2, self.wider // 2)
                x = functional.pad(x[:, :, ::2, ::2], border)
            return functional.relu(x + y)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(16)
            n_in = 16
            for stage, n_out in enumerate((16, 32, 64), 1):
                blocks = []
                for stride in (1 if stage == 1 else 2, 1, 1):
                    blocks.append(Block(n_in, n_out, stride))
                    n_in = n_out
                setattr(self, f"layer{stage}", torch.nn.Sequential(*blocks))
            self.linear = torch.nn.Linear(64, 10)

        def forward(self, x):
            x = functional.relu(self.bn1(self.conv1(x)))
            return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))

    return Network()


def torch_peer(name):
    spec = importlib.util.spec_from_file_location("torch_published", PEER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NETWORKS[name]()


def channels_last(values):
    return jnp.asarray(np.moveaxis(values, 1, -1))


@pytest.mark.peers
@pytest.mark.parametrize("name", ["squeezenet", "vgg19", "resnet20"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-4)])
def test_outputs_and_input_gradients_are_those_of_pytorch(
    float64, tmp_path, rng, name, dtype, tolerance
):
    import torch

    torch.manual_seed(0)
    peer, ours, names, size = {
        "squeezenet": lambda: (torch_peer(name), squeezenet(seed=None), None, 63),
        "vgg19": lambda: (torch_peer(name), vgg_features(seed=None), None, 32),
        "resnet20": lambda: (
            torch_resnet20(torch),
            resnet(seed=None),
            ARCHITECTURES[name].names,
            32,
        ),
    }[name]()
    peer = peer.to(getattr(torch, dtype))
    x = rng.normal(size=(2, 3, size, size)).astype(dtype)
    with torch.no_grad():
        for parameter in peer.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        peer(torch.tensor(x))  # moves the running averages
    torch.save(peer.eval().state_dict(), tmp_path / "weights.pth")
    theirs_x = torch.tensor(x, requires_grad=True)
    theirs = peer(theirs_x)
    cotangent = rng.normal(size=theirs.shape).astype(dtype)
    theirs.backward(torch.tensor(cotangent))

    ours = jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, ours
    )
    network, state = load_weights(ours, tmp_path / "weights.pth", names)

    @jax.jit
    def value_and_gradient(x, cotangent):
        y, back = jax.vjp(lambda x: network(x, state)[0], x)
        return y, back(cotangent)[0]

    y, gradient = value_and_gradient(channels_last(x), channels_last(cotangent))
    for a, b in ((y, theirs.detach().numpy()), (gradient, theirs_x.grad.numpy())):
        b = channels_last(b)
        assert a.dtype == dtype
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
