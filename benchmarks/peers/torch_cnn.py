"""Peer: convolutions and training steps of convolutional networks in PyTorch, channels last.

    python benchmarks/peers/torch_cnn.py [--threads 2]

A worker: each line of its standard input is a JSON case, answered by a line with the seconds of one
repeat. A case is {"step": "cnn" | "cnn_norm" | "vgg", "batch": 128} for training steps with fused
Adam, or {"kind": "conv" | "transposed", "size", "c_in", "c_out", "kernel", "stride", "padding",
"batch", "what": "forward" | "image" | "weight"} for one map; both take "repeats".

What is done in the peer's favour: channels last (1.3 times as fast as its default), fused Adam,
gradients set to None, the same batch again and again, outputs of an earlier repeat thrown away.
`torch.compile` is slower for these networks.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

LAST = torch.channels_last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ready: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        case = json.loads(line)
        repeats = case.pop("repeats", 1)
        name = json.dumps(case, sort_keys=True)
        if name not in ready:
            torch.manual_seed(0)
            ready[name] = training_step(**case) if "step" in case else one_map(**case)
            for _ in range(3):
                ready[name]()
        start = time.perf_counter()
        for _ in range(repeats):
            ready[name]()
        print(json.dumps({"seconds": (time.perf_counter() - start) / repeats}), flush=True)


def conv(n_in: int, n_out: int, norm: bool = False) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(n_in, n_out, 3, padding=1, bias=not norm)]
    return layers + ([nn.BatchNorm2d(n_out)] if norm else [])


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a network and the shape of one image."""
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    if name == "vgg":
        maps = [*conv(3, 64), relu, *conv(64, 64), relu, pool]
        maps += [*conv(64, 128), relu, *conv(128, 128), relu, pool]
        return nn.Sequential(*maps, nn.Flatten(), nn.Linear(8192, 256), relu, nn.Linear(256, 10)), (
            3,
            32,
            32,
        )
    norm = name == "cnn_norm"
    maps = [*conv(1, 32, norm), relu, pool, *conv(32, 64, norm), relu, pool]
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(3136, 128), relu, nn.Linear(128, 10)), (
        1,
        28,
        28,
    )


def training_step(step: str, batch: int) -> Callable[[], object]:
    model, shape = network(step)
    model = model.to(memory_format=LAST)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x = torch.randn(batch, *shape).to(memory_format=LAST)
    y = torch.randint(0, 10, (batch,))

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return run


def one_map(
    *,
    kind: str,
    size: int,
    c_in: int,
    c_out: int,
    kernel: int,
    stride: int,
    padding: int,
    batch: int,
    what: str,
) -> Callable[[], object]:
    transposed = kind == "transposed"
    forward = functional.conv_transpose2d if transposed else functional.conv2d
    shape = (c_in, c_out) if transposed else (c_out, c_in)
    weight = torch.randn(*shape, kernel, kernel).to(memory_format=LAST)
    x = torch.randn(batch, c_in, size, size).to(memory_format=LAST)
    y = forward(x, weight, stride=stride, padding=padding)
    if what == "forward":
        return lambda: forward(x, weight, stride=stride, padding=padding)
    g = torch.randn_like(y)
    wanted = [what == "image", what == "weight", False]
    twice = [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1
    return lambda: torch.ops.aten.convolution_backward(g, x, weight, None, *twice, wanted)


if __name__ == "__main__":
    main()
