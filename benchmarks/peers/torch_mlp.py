"""Peer: PyTorch eager with fused Adam on MNIST, two threads.

    python benchmarks/peers/torch_mlp.py MNIST_FOLDER [--hidden 512,256] [--batch-size 128]

Prints the seconds of every epoch (reading the files and importing are left out) and the test error.
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import torch
from mnist_files import load_mnist
from torch import nn
from torch.nn import functional


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("--hidden", default="512,256")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    x, y, x_test, y_test = map(torch.from_numpy, load_mnist(arguments.folder))
    widths = [x.shape[1], *(int(width) for width in arguments.hidden.split(","))]
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    seconds = []
    for _ in range(arguments.epochs):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).split(arguments.batch_size):
            optimizer.zero_grad(set_to_none=True)
            scores = model(x.index_select(0, rows))
            functional.cross_entropy(scores, y.index_select(0, rows)).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)

    with torch.inference_mode():
        test_error = (model(x_test).argmax(1) != y_test).float().mean().item()
    print(
        json.dumps(
            {
                "peer": f"PyTorch {torch.__version__}, eager, fused Adam",
                "threads": arguments.threads,
                "seconds": round(sum(seconds), 3),
                "seconds_per_epoch": [round(value, 3) for value in seconds],
                "epochs": arguments.epochs,
                "test_error": round(test_error, 4),
            }
        )
    )


if __name__ == "__main__":
    main()
