"""Published networks as feature networks: SqueezeNet v1.1 and VGG from a file of weights."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.errors import DataError, RecipeError
from gradlab.nn.activations import Activation, relu
from gradlab.nn.architectures import SQUEEZENET_NAMES, squeezenet
from gradlab.nn.architectures.vgg import CONVOLUTIONS
from gradlab.nn.convolution import Conv2D
from gradlab.nn.loading import load_weights
from gradlab.nn.module import Sequential
from gradlab.nn.pooling.max import MaxPool2D
from gradlab.nn.weight_files import read_weights
from gradlab.style.network import Convention, FeatureNetwork

SQUEEZENET_LAYERS = (
    *("conv1", "relu1", "pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5"),
    *("fire6", "fire7", "fire8", "fire9"),
)
"""Names of SqueezeNet's layers before its head."""

HALVES = ("squeeze1x1", "expand1x1", "expand3x3")


def published_network(path: str | Path, *, convention: Convention | None = None) -> FeatureNetwork:
    """Return the feature network of a file of published weights.

    Which network it is, the file's names tell: SqueezeNet v1.1 (the authors' names or
    torchvision's), VGG-11, 13, 16 or 19 (torchvision's names, which timm shares). The head is left
    out if the file has one. VGG may have any number of channels.

    Args:
        path: A safetensors file, or a PyTorch file of tensors.
        convention: How pixels enter, see `FeatureNetwork`; None for "caffe" with SqueezeNet's
            authors' names, "torch" otherwise. VGG files made from the first Caffe weights, as the
            style transfer programs of 2015 used them, need "caffe".

    Raises:
        DataError: If the file can't be read, is of no known network, lacks a tensor or holds one
            of another shape: the message names each.
    """
    shapes = {name: tuple(values.shape) for name, values in read_weights(path).tensors.items()}
    if any(name.startswith("fire2.") for name in shapes):
        return _squeezenet(path, shapes, SQUEEZENET_NAMES, convention or "caffe")
    if any(re.match(r"features\.\d+\.squeeze\.", name) for name in shapes):
        return _squeezenet(path, shapes, None, convention or "torch")
    if any(re.fullmatch(r"features\.\d+\.weight", name) for name in shapes):
        return _vgg(path, shapes, convention or "torch")
    shown = ", ".join(list(shapes)[:4])
    raise DataError(
        f"{path} holds no network known by its names: expected SqueezeNet v1.1 (fire2.squeeze1x1."
        "weight or features.3.squeeze.weight, …) or VGG (features.0.weight, …) as torchvision and "
        f"timm name them; got {shown}, …. Load it into layers of your own with load_weights and "
        "pass FeatureNetwork(layers)."
    )


def _squeezenet(
    path: str | Path,
    shapes: dict[str, tuple[int, ...]],
    names: dict[str, str] | None,
    convention: Convention,
) -> FeatureNetwork:
    whole = squeezenet(seed=None)
    body = Sequential(whole.layers[: len(SQUEEZENET_LAYERS)])
    place_of = names or {f"features.{i}": f"layers.{i}" for i in range(len(SQUEEZENET_LAYERS))}
    expected: dict[str, tuple[tuple[int, ...], str]] = {}
    for theirs, ours in place_of.items():
        index = int(ours.rpartition(".")[2])
        if index >= len(body.layers):
            continue
        layer = body.layers[index]
        if isinstance(layer, Conv2D):
            _expect(expected, theirs, ours, layer)
            continue
        for half in HALVES if hasattr(layer, "squeeze1x1") else ():
            # torchvision calls the first of them squeeze.
            shown = "squeeze" if names is None and half == "squeeze1x1" else half
            _expect(expected, f"{theirs}.{shown}", f"{ours}.{half}", getattr(layer, half))
    network = _loaded(path, body, shapes, expected, "SqueezeNet v1.1")
    return FeatureNetwork(
        dict(zip(SQUEEZENET_LAYERS, network.layers, strict=True)),
        convention=convention,
        content_layers=("fire4",),
        style_layers=("relu1", "fire2", "fire3", "fire4", "fire5", "fire7"),
        title="SqueezeNet v1.1",
    )


def _vgg(
    path: str | Path, shapes: dict[str, tuple[int, ...]], convention: Convention
) -> FeatureNetwork:
    kernels = {
        int(found.group(1)): shape
        for name, shape in shapes.items()
        if (found := re.fullmatch(r"features\.(\d+)\.weight", name)) and len(shape) == 4
    }
    if any(name.startswith("features.") and name.endswith("running_mean") for name in shapes):
        raise DataError(
            f"{path} holds a VGG with batch norms; expected one without, as style transfer uses. "
            "Fetch the plain file (vgg16, vgg19), or load it into layers of your own."
        )
    last = max(kernels, default=-1)
    depth = next((d for d in CONVOLUTIONS if max(_positions(d)) == last), None)
    if depth is None:
        ends = ", ".join(f"{max(_positions(d))} (VGG-{d})" for d in CONVOLUTIONS)
        raise DataError(
            f"{path} is named like a VGG, but its last convolution is features.{last}.weight; "
            f"expected {ends}. Fetch it again: a part of it is missing."
        )
    layers, names, expected, n_in = [], [], {}, 3
    for block, times in enumerate(CONVOLUTIONS[depth], 1):
        for number in range(1, times + 1):
            at = len(layers)
            n_out = kernels[at][0] if at in kernels else _bias_length(shapes, at)
            layer = Conv2D(
                np.zeros((3, 3, n_in, n_out), np.float32),
                np.zeros(n_out, np.float32),
                stride=(1, 1),
                padding="same",
                dilation=(1, 1),
                groups=1,
                chunk=None,
            )
            _expect(expected, f"features.{at}", f"layers.{at}", layer)
            layers += [layer, Activation(relu)]
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
            n_in = n_out
        layers.append(MaxPool2D((2, 2), stride=(2, 2), padding="valid", ceil=False))
        names.append(f"pool{block}")
    network = _loaded(path, Sequential(tuple(layers)), shapes, expected, f"VGG-{depth}")
    return FeatureNetwork(
        dict(zip(names, network.layers, strict=True)),
        convention=convention,
        content_layers=("relu4_2" if depth > 13 else "relu4_1",),
        style_layers=tuple(f"relu{block}_1" for block in range(1, 6)),
        title=f"VGG-{depth}",
    )


def _positions(depth: int) -> list[int]:
    """Return the numbers of the convolutions among convolutions, ReLUs and poolings."""
    at, found = 0, []
    for times in CONVOLUTIONS[depth]:
        found += [at + 2 * i for i in range(times)]
        at += 2 * times + 1
    return found


def _bias_length(shapes: dict[str, tuple[int, ...]], at: int) -> int:
    """Return the channels of a convolution whose kernel is missing, if its bias tells; 1 if not."""
    shape = shapes.get(f"features.{at}.bias", ())
    return shape[0] if len(shape) == 1 and shape[0] > 0 else 1


def _expect(expected: dict[str, Any], theirs: str, ours: str, layer: Conv2D) -> None:
    height, width, c_in, c_out = layer.weight.shape
    expected[f"{theirs}.weight"] = ((c_out, c_in, height, width), f"{ours}.weight")
    expected[f"{theirs}.bias"] = ((c_out,), f"{ours}.bias")


def _loaded(
    path: str | Path,
    network: Sequential,
    shapes: dict[str, tuple[int, ...]],
    expected: dict[str, tuple[tuple[int, ...], str]],
    title: str,
) -> Sequential:
    """Return the network with the file's weights; name, as the file does, all that does not fit."""
    problems = [
        f"{name} is missing; its shape would be {shape}."
        if name not in shapes
        else f"{name} has shape {shapes[name]}; expected {shape}."
        for name, (shape, _) in expected.items()
        if shapes.get(name) != shape
    ]
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems[:12])
        more = f"\n  … and {len(problems) - 12} more." if len(problems) > 12 else ""
        raise DataError(
            f"{path} looks like {title}, but does not fit it:{lines}{more}\nFetch the file again, "
            "or one of another network."
        )

    def place(name: str) -> str | None:
        return expected[name][1] if name in expected else None

    try:
        loaded, _ = load_weights(network, path, place)
    except RecipeError as error:
        raise DataError(str(error)) from error
    return loaded
