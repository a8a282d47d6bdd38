"""Peer: training steps of PyTorch's fused recurrent modules, eager, fused Adam.

    python benchmarks/peers/torch_recurrent.py [--threads 2]

Reads lines "CELL INPUTS UNITS TIME BATCH STEPS" and answers each with the seconds of one step:
the module, a dense layer on its last output, squared error, gradient and Adam. The first line of
a case is a warm-up besides.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import nn
from torch.nn import functional

MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    for line in sys.stdin:
        cell, *sizes, steps = line.split()
        step = prepare(cell, *map(int, sizes))
        start = time.perf_counter()
        for _ in range(int(steps)):
            step()
        print((time.perf_counter() - start) / int(steps), flush=True)


@cache
def prepare(cell: str, n_inputs: int, n_units: int, n_steps: int, batch: int) -> Callable:
    """Return one training step of a case, warmed up."""
    torch.manual_seed(0)
    recurrent = MODULES[cell](n_inputs, n_units, batch_first=True)
    head = nn.Linear(n_units, 1)
    optimizer = torch.optim.Adam([*recurrent.parameters(), *head.parameters()], fused=True)
    x, y = torch.randn(batch, n_steps, n_inputs), torch.randn(batch, 1)

    def step() -> None:
        outputs, _ = recurrent(x)
        loss = functional.mse_loss(head(outputs[:, -1]), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    return step


if __name__ == "__main__":
    main()
