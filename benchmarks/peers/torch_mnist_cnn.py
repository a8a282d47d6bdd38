"""Peer: a convolutional network on MNIST in PyTorch, channels last, fused Adam on a cosine.

    python benchmarks/peers/torch_mnist_cnn.py MNIST_FOLDER --epochs 5 --batch-size 128

No data loader: batches are gathered from one tensor. Prints the share of test images it gets
right.
"""

import argparse
import json
from pathlib import Path

import torch
from mnist_files import load_mnist
from torch import nn
from torch.nn import functional


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    x, y, x_test, y_test = map(torch.from_numpy, load_mnist(arguments.folder))
    x, x_test = (
        images.reshape(-1, 1, 28, 28).to(memory_format=torch.channels_last)
        for images in (x, x_test)
    )
    layers: list[nn.Module] = []
    for n_in, n_out in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    n_steps = arguments.epochs * -(-len(x) // arguments.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for _ in range(arguments.epochs):
        for rows in torch.randperm(len(x)).split(arguments.batch_size):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        right = sum(
            int((model(part).argmax(1) == labels).sum())
            for part, labels in zip(x_test.split(1000), y_test.split(1000), strict=True)
        )
    print(json.dumps({"test_score": right / len(y_test)}))


if __name__ == "__main__":
    main()
