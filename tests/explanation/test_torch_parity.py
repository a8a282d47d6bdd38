"""Gradients equal PyTorch's, from the same weights on the same rows."""

import numpy as np
import pytest

from gradlab.explanation import explain
from gradlab.nn import Dense
from gradlab.nn.activations import Activation, tanh
from gradlab.nn.convolution import Conv2D
from gradlab.nn.module import Sequential
from gradlab.nn.recurrent import LSTMCell, Recurrent
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights
from gradlab.training.recipe import Recipe

pytestmark = pytest.mark.peers

SGD = Recipe(optimizer="sgd")
LABELS = np.array([0, 2, 1])


def drawn(layer):
    return Weights("xavier_uniform", seed=4, layer=layer, dtype=np.float64)


def dense(n_in, n_out, layer):
    return Dense(drawn(layer)((n_in, n_out), n_in, n_out), np.full(n_out, 0.1))


def of_torch(model, x):
    """Return PyTorch's loss, after a backward pass."""
    import torch

    scores = model(torch.tensor(x))
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(LABELS))
    loss.backward()
    return loss.item()


def gradients(e):
    return {p.name: p.gradient for p in e.parameters}


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-13)


def copied(target, values):
    import torch

    with torch.no_grad():
        target.copy_(torch.tensor(np.array(values)))


def test_dense(rng):
    import torch

    first, last = dense(4, 5, 0), dense(5, 3, 1)
    x = rng.normal(size=(3, 4))
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
    ).double()
    for target, ours in ((model[0], first), (model[2], last)):
        copied(target.weight, ours.weight.T)
        copied(target.bias, ours.bias)
    e = explain(Sequential((first, Activation(tanh), last)), x, LABELS, recipe=SGD)
    assert e.loss == pytest.approx(of_torch(model, x), rel=1e-12)
    found = gradients(e)
    close(found["layer 1 weight"], model[0].weight.grad.T)
    close(found["layer 1 bias"], model[0].bias.grad)
    close(found["output weight"], model[2].weight.grad.T)


def test_convolution(rng):
    import torch

    first, last = Conv2D.create(drawn(0), 2, 3, kernel=3), dense(3 * 2 * 2, 3, 1)
    x = rng.normal(size=(3, 4, 4, 2))
    layers = torch.nn.Conv2d(2, 3, 3), torch.nn.Tanh(), torch.nn.Linear(12, 3)
    conv, _, linear = (layer.double() for layer in layers)
    copied(conv.weight, np.transpose(first.weight, (3, 2, 0, 1)))
    copied(conv.bias, first.bias)
    copied(linear.weight, last.weight.T)
    copied(linear.bias, last.bias)

    def model(x):
        maps = torch.tanh(conv(x.permute(0, 3, 1, 2)))
        return linear(maps.permute(0, 2, 3, 1).reshape(3, -1))

    network = Sequential((first, Activation(tanh), Flatten(), last))
    e = explain(network, x, LABELS, recipe=SGD)
    assert e.loss == pytest.approx(of_torch(model, x), rel=1e-12)
    found = gradients(e)
    close(found["layer 1 weight"], conv.weight.grad.permute(2, 3, 1, 0))
    close(found["output weight"], linear.weight.grad.T)


def test_lstm(rng):
    import torch

    cell, last = LSTMCell.create(drawn(0), 2, 4), dense(4, 3, 1)
    x = rng.normal(size=(3, 5, 2))
    lstm, linear = torch.nn.LSTM(2, 4, batch_first=True).double(), torch.nn.Linear(4, 3).double()
    copied(lstm.weight_ih_l0, cell.weight_input.T)
    copied(lstm.weight_hh_l0, cell.weight_recurrent.T)
    copied(lstm.bias_ih_l0, cell.bias)
    copied(lstm.bias_hh_l0, np.zeros(16))
    copied(linear.weight, last.weight.T)
    copied(linear.bias, last.bias)
    states = {}

    def model(x):
        states["h"], _ = lstm(x)
        states["h"].retain_grad()
        return linear(states["h"][:, -1])

    e = explain(Sequential((Recurrent(cell, outputs="last"), last)), x, LABELS, recipe=SGD)
    assert e.loss == pytest.approx(of_torch(model, x), rel=1e-12)
    found = gradients(e)
    close(found["layer 1 weight_input"], lstm.weight_ih_l0.grad.T)
    close(found["layer 1 weight_recurrent"], lstm.weight_hh_l0.grad.T)
    close(found["layer 1 bias"], lstm.bias_ih_l0.grad)
    (times,) = e.layers[0].times
    close(np.moveaxis(times.numbers["h"], 0, 1), states["h"].detach())
