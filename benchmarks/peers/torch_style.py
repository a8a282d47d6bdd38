"""Peer: style transfer on SqueezeNet's layers in PyTorch, Adam on the pixels.

    python benchmarks/peers/torch_style.py channels_last --size 512 --steps 20

waits for lines on standard input; for each it makes so many steps and prints the seconds. The
network, layers, losses and optimiser are those of benchmarks/style_transfer.py; weights are drawn.
"""

import argparse
import sys
import time

import torch
from torch import nn
from torch_published import squeezenet

TAPS = {1: "relu1", 3: "fire2", 4: "fire3", 6: "fire4", 7: "fire5", 10: "fire7"}
CONTENT = 6


def gram(maps: torch.Tensor) -> torch.Tensor:
    flat = maps[0].flatten(1)
    return flat @ flat.T / flat.numel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layout", choices=("channels_last", "contiguous_format"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    layout = getattr(torch, arguments.layout)
    model = squeezenet()[: max(TAPS) + 1].eval().requires_grad_(False)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    model = model.to(memory_format=layout)
    mean = torch.tensor((104.0, 117.0, 123.0)).reshape(1, 3, 1, 1)

    def maps(image: torch.Tensor) -> dict[int, torch.Tensor]:
        x, found = 255 * image.flip(1) - mean, {}
        for i, layer in enumerate(model):
            # Activations write in place: what is looked at later is kept first.
            x = layer(x)
            if i in TAPS:
                found[i] = x
        return found

    content, style, x = (
        torch.rand(1, 3, arguments.size, arguments.size).to(memory_format=layout) for _ in range(3)
    )
    with torch.no_grad():
        target = maps(content)[CONTENT]
        grams = {i: gram(found) for i, found in maps(style).items()}
    scales = {i: 0.25 * (found**2).sum() for i, found in grams.items()}
    x.requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.02)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        found = maps(x)
        loss = 1e-3 * (found[CONTENT] - target).square().sum() / target.numel()
        for i, wanted in grams.items():
            loss = loss + 0.25 * (gram(found[i]) - wanted).square().sum() / scales[i]
        here = x[:, :, :-1, :-1]
        across, down = x[:, :, :-1, 1:] - here, x[:, :, 1:, :-1] - here
        loss = loss + 1e-3 * (across**2 + down**2).sum() / x.numel()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)

    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(arguments.steps):
            step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
