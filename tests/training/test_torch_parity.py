"""From the same weights through the same batches, PyTorch takes the same steps."""

import numpy as np
import pytest

from gradlab.training.executors import trained_network
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.order import batch_order
from gradlab.training.plan import Run
from gradlab.training.recipe import Recipe

pytestmark = pytest.mark.peers

SEED, BATCH, EPOCHS = 9, 8, 2
BASE = Recipe(hidden=(8,), norm="batch", batch_size=BATCH, epochs=EPOCHS)
RECIPES = {
    "sgd": BASE.replace(optimizer="sgd", learning_rate=0.1),
    "momentum": BASE.replace(optimizer="momentum", learning_rate=0.05),
    "nesterov": BASE.replace(optimizer="nesterov", learning_rate=0.05),
    "adam": BASE.replace(optimizer="adam", learning_rate=0.01),
    "adamw": BASE.replace(optimizer="adamw", learning_rate=0.01, weight_decay=0.1),
    "rmsprop": BASE.replace(
        optimizer="rmsprop", learning_rate=0.01, **{"optimizer.epsilon_placement": "outside"}
    ),
}


def torch_optimizer(torch, name, parameters, rate):
    match name:
        case "sgd":
            return torch.optim.SGD(parameters, rate)
        case "momentum":
            return torch.optim.SGD(parameters, rate, momentum=0.9)
        case "nesterov":
            return torch.optim.SGD(parameters, rate, momentum=0.9, nesterov=True)
        case "adam":
            return torch.optim.Adam(parameters, rate)
        case "adamw":
            return torch.optim.AdamW(parameters, rate, weight_decay=0.1)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, rate, alpha=0.9)


def torch_history(task, name):
    """Return the last weights and the training loss of each epoch, by PyTorch's eager loop."""
    import torch

    network = build_network(RECIPES[name], Interface((4,), 3), seed=SEED, dtype=task.x.dtype)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
    ).double()
    with torch.no_grad():
        for layer, ours in ((model[0], network.layers[0]), (model[3], network.layers[3])):
            layer.weight.copy_(torch.tensor(np.array(ours.weight).T))
            layer.bias.copy_(torch.tensor(np.array(ours.bias)))
    optimizer = torch_optimizer(torch, name, model.parameters(), RECIPES[name].rate())
    train, validation = task.splits[0]
    x, y = torch.tensor(task.x), torch.tensor(task.y, dtype=torch.long)
    history = []
    for epoch in batch_order(train, seed=SEED, epochs=range(EPOCHS), batch_size=BATCH):
        model.train()
        total = 0.0
        for rows in epoch:
            rows = rows[rows >= 0]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            scores = model(x[validation])
            validation_loss = float(torch.nn.functional.cross_entropy(scores, y[validation]))
        history.append([total / len(train), validation_loss])
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    return state, np.array(history)


@pytest.fixture(scope="module")
def task(classes_task):
    # In float64, for the bias before a batch norm has no gradient but rounding, and adaptive
    # optimizers make full steps of that unless it is far below their epsilon.
    return classes_task(dtype=np.float64)


@pytest.fixture(scope="module")
def trained(train, task):
    return train(task, [Run(recipe, SEED) for recipe in RECIPES.values()], members=6, epochs=2)


@pytest.mark.parametrize("name", RECIPES)
def test_trajectory(trained, task, name):
    result = trained.results[list(RECIPES).index(name)]
    state, history = torch_history(task, name)
    np.testing.assert_allclose(result.history[:, 0], history[:, 0], rtol=1e-6)
    if name == "nesterov":
        return  # PyTorch keeps the look-ahead point; we evaluate and keep the weights behind it
    np.testing.assert_allclose(result.history[:, 1], history[:, 1], rtol=1e-6)
    network, states = trained_network(trained.plan, RECIPES[name], result.weights)
    first, norm, _, last = network.layers
    mean, variance = states[1]
    pairs = {
        "0.weight": first.weight.T,
        "0.bias": first.bias,
        "1.weight": norm.scale,
        "1.bias": norm.shift,
        "1.running_mean": mean,
        "1.running_var": variance,
        "3.weight": last.weight.T,
        "3.bias": last.bias,
    }
    for key, ours in pairs.items():
        np.testing.assert_allclose(ours, state[key], rtol=1e-5, atol=1e-6, err_msg=key)
