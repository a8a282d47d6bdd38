"""Peer: several CNNs or LSTMs one after another in PyTorch, one thread, fused Adam.

python benchmarks/peers/torch_network_study.py cnn --rows 1600 --epochs 2 --batch-size 32 --runs 8
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional


class Recurrent(nn.Module):
    """An LSTM whose last step is scored."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 64, batch_first=True)
        self.output = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.lstm(x)[0][:, -1])


def convolutional() -> nn.Module:
    layers: list[nn.Module] = []
    for n_in, n_out in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["cnn", "lstm"])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cnn = arguments.name == "cnn"
    x = torch.randn(arguments.rows, *((1, 28, 28) if cnn else (30, 16)))
    if cnn:
        x = x.to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (arguments.rows,))

    def train(epochs: int) -> None:
        model = convolutional() if cnn else Recurrent()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(arguments.batch_size):
                optimizer.zero_grad(set_to_none=True)
                functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()

    train(1)
    start = time.perf_counter()
    for _ in range(arguments.runs):
        train(arguments.epochs)
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
