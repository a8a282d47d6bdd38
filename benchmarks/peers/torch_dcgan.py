"""PyTorch's side of `dcgan_step.py`: one JSON case a line, its seconds a step back.

Eager, with fused Adam and the fakes of the discriminator's step used again for the generator's, as
in PyTorch's DCGAN example.
"""

import argparse
import itertools
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

NOISE, WARM_UP = 100, 3


def networks(size: int, channels: int, width: int) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator with the layers of `ConvolutionalPair`."""
    doublings = max(1, int(math.log2(size / 4)))
    first = size // 2**doublings
    maps = [width * 2 ** (doublings - 1 - i) for i in range(doublings)] + [channels]
    made: list[nn.Module] = [
        nn.Linear(NOISE, first * first * maps[0], bias=False),
        nn.Unflatten(1, (maps[0], first, first)),
    ]
    for i, (n_in, n_out) in enumerate(itertools.pairwise(maps)):
        made += [nn.BatchNorm2d(n_in), nn.ReLU()]
        last = i == doublings - 1
        made.append(nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=last))
    judge: list[nn.Module] = []
    n_in = channels
    for i in range(doublings):
        n_out = width * 2**i
        judge.append(nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=i == 0))
        judge += [nn.BatchNorm2d(n_out)] if i else []
        judge.append(nn.LeakyReLU(0.2))
        n_in = n_out
    judge += [nn.Flatten(), nn.Linear(n_in * first * first, 1)]
    return nn.Sequential(*made, nn.Tanh()), nn.Sequential(*judge)


def seconds(size: int, channels: int, width: int, batch: int, steps: int, last: bool) -> float:
    """Return the seconds of a training step; `last` puts channels last in memory."""
    torch.manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    generator, judge = (part.to(memory_format=layout) for part in networks(size, channels, width))
    rules = [
        torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for part in (generator, judge)
    ]
    x = torch.rand(batch, channels, size, size).contiguous(memory_format=layout)
    one, zero = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step() -> None:
        fakes = generator(torch.randn(batch, NOISE))
        rules[1].zero_grad()
        seen = fakes.detach()
        (cross_entropy(judge(x), one) + cross_entropy(judge(seen), zero)).backward()
        rules[1].step()
        rules[0].zero_grad()
        for weight in judge.parameters():  # its gradient would be thrown away
            weight.requires_grad_(False)
        cross_entropy(judge(fakes), one).backward()
        for weight in judge.parameters():
            weight.requires_grad_(True)
        rules[0].step()

    for _ in range(WARM_UP):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - began) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    for line in sys.stdin:
        print(json.dumps({"seconds": seconds(**json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
