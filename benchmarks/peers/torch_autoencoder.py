"""Peer: autoencoders in PyTorch, eager with fused Adam on MNIST, two threads.

    python benchmarks/peers/torch_autoencoder.py MNIST_FOLDER dense|sparse|conv [--epochs 5]

Prints the seconds of training (reading the files and importing are left out) and the mean squared
error on other images.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from mnist_files import load_mnist
from torch import nn
from torch.nn import functional

TARGET, STRENGTH = 0.1, 1.0


def halves(name: str) -> tuple[nn.Module, nn.Module]:
    """Return encoder and decoder."""
    if name == "dense":
        return (
            nn.Sequential(nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 64), nn.Tanh()),
            nn.Sequential(nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 784)),
        )
    if name == "sparse":
        return nn.Sequential(nn.Linear(784, 196), nn.Sigmoid()), nn.Linear(196, 784)
    return (
        nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ),
        nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.ConvTranspose2d(8, 16, 3, padding=1),
            nn.Upsample(scale_factor=2),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, padding=1),
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four idx files")
    parser.add_argument("case", choices=["dense", "sparse", "conv"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    x, _, x_test, _ = map(torch.from_numpy, load_mnist(arguments.folder))
    x, x_test = x[:10_000], x_test[-2_000:]
    encoder, decoder = halves(arguments.case)
    if arguments.case == "conv":
        x, x_test = (a.reshape(-1, 1, 28, 28) for a in (x, x_test))
        encoder, decoder, x = (
            part.to(memory_format=torch.channels_last) for part in (encoder, decoder, x)
        )
    model = nn.Sequential(encoder, decoder)
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    start = time.perf_counter()
    for _ in range(arguments.epochs):
        for rows in torch.randperm(len(x)).split(128):
            optimizer.zero_grad(set_to_none=True)
            target = x.index_select(0, rows)
            shown = target
            if arguments.case == "dense":
                shown = target * (torch.rand_like(target) >= 0.5)
            code = encoder(shown)
            scores = decoder(code)
            loss = functional.binary_cross_entropy_with_logits(scores, target, reduction="sum")
            loss = loss / len(rows)
            if arguments.case == "sparse":
                mean = code.mean(0)
                divergence = TARGET * torch.log(TARGET / mean)
                divergence = divergence + (1 - TARGET) * torch.log((1 - TARGET) / (1 - mean))
                loss = loss + STRENGTH * divergence.sum()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start

    with torch.inference_mode():
        error = (torch.sigmoid(model(x_test)) - x_test).square().mean().item()
    print(
        json.dumps(
            {
                "peer": f"PyTorch {torch.__version__}, eager, fused Adam",
                "seconds": round(seconds, 3),
                "epochs": arguments.epochs,
                "error": round(error, 6),
            }
        )
    )


if __name__ == "__main__":
    main()
