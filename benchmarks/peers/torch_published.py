"""Peer: SqueezeNet v1.1 and VGG-19 up to conv5_1 in PyTorch, forward and input gradient, eval mode.

    python benchmarks/peers/torch_published.py squeezenet channels_last

waits for lines on standard input; for each it runs the network once on a 224 x 224 image and prints
the seconds. Weights take no gradients.
"""

import argparse
import sys
import time

import torch
from torch import nn


class Fire(nn.Module):
    def __init__(self, n_in: int, n_squeezed: int, n_expanded: int):
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(n_in, n_squeezed, 1)
        self.expand1x1 = nn.Conv2d(n_squeezed, n_expanded, 1)
        self.expand3x3 = nn.Conv2d(n_squeezed, n_expanded, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.squeeze1x1(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], 1)


def squeezenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(inplace=True)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *(Fire(64, 16, 64), Fire(128, 16, 64)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *(Fire(128, 32, 128), Fire(256, 32, 128)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
        nn.Dropout(0.5),
        *(nn.Conv2d(512, 1000, 1, padding=1), nn.ReLU(inplace=True)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def vgg19_to_conv5_1() -> nn.Sequential:
    layers, n_in = [], 3
    for n_out, times in zip((64, 128, 256, 512), (2, 2, 4, 4), strict=True):
        for _ in range(times):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(inplace=True)]
            n_in = n_out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Conv2d(n_in, 512, 3, padding=1))


NETWORKS = {"squeezenet": squeezenet, "vgg19": vgg19_to_conv5_1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("layout", choices=("channels_last", "contiguous_format"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = NETWORKS[arguments.network]().eval().requires_grad_(False)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layout = getattr(torch, arguments.layout)
    model = model.to(memory_format=layout)
    x = torch.randn(1, 3, arguments.size, arguments.size).to(memory_format=layout)
    x.requires_grad_()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = model(x).square().sum()
        torch.autograd.grad(loss, x)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
