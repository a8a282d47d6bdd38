"""Print how far layers and cells are from PyTorch's: outputs and every gradient, in float64.

    python tools/parity.py

Needs the [peers] extra. Each line is one module with random weights and inputs; a loss that weighs
every output by a random number is differentiated with respect to the input and every weight. The
error is the largest difference of an array, as a share of its largest number.
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from gradlab.nn import (
    AveragePool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    GroupNorm,
    GRUCell,
    InstanceNorm,
    LayerNorm,
    LSTMCell,
    MaxPool2D,
    Recurrent,
    RNNCell,
    TransposedConv2D,
)

RNG = np.random.default_rng(0)


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    torch.set_default_dtype(torch.float64)
    print(f"{'module':44} {'output':>9} {'of input':>9} {'of weights':>10}")
    worst = 0.0
    for title, ours, theirs, x, convert, order in cases():
        errors = compare(ours, theirs, x, convert, order)
        worst = max(worst, *(e for e in errors if e is not None))
        shown = ["        -" if e is None else f"{e:9.1e}" for e in errors]
        print(f"{title:44} {shown[0]} {shown[1]} {shown[2]:>10}")
    print(f"largest relative error: {worst:.1e}")


def compare(ours, theirs, x, convert, order):
    """Return the relative errors of output, input gradient and weight gradients."""
    arrays = jax.tree.map(jnp.asarray, ours)
    state = arrays.initial_state() if hasattr(arrays, "initial_state") else ()
    whole = x.dtype.kind == "i"

    def output(layer, x):
        return layer(x, state, training=True)[0]

    y = np.asarray(jax.jit(output)(arrays, x))
    given = torch.tensor(x if whole or order == "same" else np.moveaxis(x, -1, 1))
    if not whole:
        given.requires_grad_(True)
    z = theirs(given)
    z = z[0] if isinstance(z, tuple) else z
    to_ours = (lambda a: a) if order == "same" else (lambda a: np.moveaxis(a, 1, -1))
    mass = RNG.normal(size=y.shape)
    (z * torch.tensor(mass if order == "same" else np.moveaxis(mass, -1, 1))).sum().backward()

    def loss(layer, x):
        return (output(layer, x) * mass).sum()

    of_weights = jax.jit(jax.grad(loss, allow_int=True))(arrays, x)
    errors = [relative(y, to_ours(z.detach().numpy()))]
    if whole:
        errors.append(None)
    else:
        of_x = jax.jit(jax.grad(loss, argnums=1))(arrays, jnp.asarray(x))
        errors.append(relative(of_x, to_ours(given.grad.numpy())))
    pairs = convert(of_weights)
    errors.append(max((relative(a, b) for a, b in pairs), default=None))
    return errors


def relative(a, b) -> float:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.abs(a - b).max() / np.abs(b).max())


def cases():
    """Yield title, our layer, PyTorch's, input, pairs of weight gradients, order of the axes."""
    image = RNG.normal(size=(5, 9, 8, 6))
    for title, options in {
        "Conv2D 3x3 valid": {},
        "Conv2D 3x3 padding 1 stride 2": {"padding": 1, "stride": 2},
        "Conv2D 3x3 dilation 2": {"dilation": 2},
        "Conv2D 3x3 groups 2": {"groups": 2},
        "Conv2D 3x3 depthwise": {"groups": 6},
        "Conv2D 1x1": {"kernel": 1},
    }.items():
        options = dict(options)
        kernel = options.pop("kernel", 3)
        peer = nn.Conv2d(6, 12, kernel, **options)
        weight, bias = (p.detach().numpy() for p in (peer.weight, peer.bias))
        layer = Conv2D(np.transpose(weight, (2, 3, 1, 0)), bias, **options)

        def grads(g, peer=peer):
            return [
                (g.weight, np.transpose(peer.weight.grad.numpy(), (2, 3, 1, 0))),
                (g.bias, peer.bias.grad.numpy()),
            ]

        yield title, layer, peer, image, grads, "moved"
    peer = nn.Conv1d(6, 12, 3)
    weight, bias = (p.detach().numpy() for p in (peer.weight, peer.bias))
    layer = Conv1D(np.transpose(weight, (2, 1, 0)), bias)
    yield (
        "Conv1D 3",
        layer,
        peer,
        image[:, :, 0],
        lambda g, peer=peer: [(g.weight, np.transpose(peer.weight.grad.numpy(), (2, 1, 0)))],
        "moved",
    )
    peer = nn.ConvTranspose2d(6, 12, 4, stride=2, padding=1, bias=False)
    layer = TransposedConv2D(
        np.transpose(peer.weight.detach().numpy(), (2, 3, 1, 0)), stride=2, padding=1
    )
    yield (
        "TransposedConv2D 4x4 stride 2",
        layer,
        peer,
        image,
        lambda g, peer=peer: [(g.weight, np.transpose(peer.weight.grad.numpy(), (2, 3, 1, 0)))],
        "moved",
    )
    yield "MaxPool2D 3 stride 2", MaxPool2D(3, stride=2), nn.MaxPool2d(3, 2), image, none, "moved"
    yield "AveragePool2D 2", AveragePool2D(2), nn.AvgPool2d(2), image, none, "moved"
    for title, layer, peer, order in (
        ("BatchNorm", BatchNorm(6), nn.BatchNorm2d(6), "moved"),
        ("InstanceNorm", InstanceNorm(6), nn.InstanceNorm2d(6, affine=True), "moved"),
        ("GroupNorm 3", GroupNorm(6, groups=3), nn.GroupNorm(3, 6), "moved"),
        ("LayerNorm", LayerNorm(6), nn.LayerNorm(6), "same"),
    ):
        x = image[:, 0, 0] if order == "same" else image

        def of_norm(g, peer=peer):
            return [(g.scale, peer.weight.grad.numpy()), (g.shift, peer.bias.grad.numpy())]

        yield title, layer, peer, x, of_norm, order
    peer = nn.Linear(6, 4)
    layer = Dense(peer.weight.detach().numpy().T, peer.bias.detach().numpy())
    yield (
        "Dense",
        layer,
        peer,
        image[:, 0, 0],
        lambda g, peer=peer: [
            (g.weight, peer.weight.grad.numpy().T),
            (g.bias, peer.bias.grad.numpy()),
        ],
        "same",
    )
    peer = nn.Embedding(7, 4)
    yield (
        "Embedding",
        Embedding(peer.weight.detach().numpy()),
        peer,
        RNG.integers(0, 7, (5, 3)),
        lambda g, peer=peer: [(g.weight, peer.weight.grad.numpy())],
        "same",
    )
    yield from cells(RNG.normal(size=(5, 11, 3)))


def cells(x):
    for name, cell, make in (
        ("RNN", RNNCell, nn.RNN),
        ("LSTM", LSTMCell, nn.LSTM),
        ("GRU, PyTorch's form", GRUCell, nn.GRU),
    ):
        peer = make(3, 8, batch_first=True)
        weight_input, weight_recurrent, bias_input, bias_recurrent = (
            p.detach().numpy() for p in peer.parameters()
        )
        if cell is GRUCell:
            # One bias for the inputs of all gates; of the past the candidate has its own.
            bias = bias_input.copy()
            bias[:16] += bias_recurrent[:16]
            ours = cell(weight_input.T, weight_recurrent.T, bias, bias_recurrent[16:], True)
        else:
            ours = cell(weight_input.T, weight_recurrent.T, bias_input + bias_recurrent)

        def grads(g, peer=peer):
            w_i, w_r, b_i, _ = (p.grad.numpy() for p in peer.parameters())
            return [
                (g.cell.weight_input, w_i.T),
                (g.cell.weight_recurrent, w_r.T),
                (g.cell.bias, b_i),
            ]

        yield f"{name}, 11 steps", Recurrent(ours), peer, x, grads, "same"


def none(_):
    return []


if __name__ == "__main__":
    main()
