"""Training steps of convolutional networks: Gradlab's layers against PyTorch, channels last.

    python benchmarks/cnn_step.py [--rounds 7] [--threads 2] [--only cnn]

A step is forward, backward and Adam in float32: ours that of the engine's learner in a `lax.scan`;
PyTorch's eager with fused Adam, in a process of its own that waits while ours runs. Where a target
is set, the floor and the aim are printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from timing import interleave, paired_ratios, print_table
from torch_worker import TorchWorker

from gradlab.nn.random import row_key
from gradlab.training.interface import Interface
from gradlab.training.learner import Batch
from gradlab.training.network import build_network, network_table
from gradlab.training.recipe import Recipe
from gradlab.training.sharing import ask_for_devices, available_devices, on_devices
from gradlab.training.supervised import initial_arrays, supervised

STEPS = 8
"""Steps in one call; a call of ours and as many steps of theirs are one round."""

CASES = {
    "cnn": ("CNN 32-64 + fc128, 28x28x1, batch 128", 128, 1.5, 2.0),
    "cnn_norm": ("the same with two batch norms", 128, 1.0, 1.3),
    "vgg": ("VGG-like 64-64-128-128 + fc256, 32x32x3, batch 64", 64, 0.85, 1.1),
}


LENET = ("conv 32 3x3", "pool 2", "conv 64 3x3", "pool 2", "dense 128")
NETWORKS = {
    "cnn": (Recipe(layers=LENET), (28, 28, 1)),
    "cnn_norm": (
        Recipe(layers=[f"{text} norm batch" if "conv" in text else text for text in LENET]),
        (28, 28, 1),
    ),
    "vgg": (
        Recipe(
            layers=[
                *("conv 64 3x3", "conv 64 3x3", "pool 2"),
                *("conv 128 3x3", "conv 128 3x3", "pool 2", "dense 256"),
            ]
        ),
        (32, 32, 3),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=list(CASES))
    arguments = parser.parse_args()

    ask_for_devices()
    peak = matmul_peak()
    print(f"matmul peak: {peak / 1e9:.0f} GFLOP/s (2048 x 2048, float32)")
    torch = TorchWorker(arguments.threads)
    for name in [arguments.only] if arguments.only else CASES:
        title, batch, floor, aim = CASES[name]
        recipe, shape = NETWORKS[name]
        interface = Interface(shape, 10)
        run, devices = steps(recipe, interface, batch)
        variants = {
            "Gradlab": lambda run=run: timed(run) / STEPS,
            "PyTorch": partial(torch.seconds, step=name, batch=batch, repeats=STEPS),
        }
        timings = interleave(variants, arguments.rounds)
        table = network_table(recipe, interface)
        n_parameters = sum(row.n_parameters for row in table)
        print_table(f"{title}; {n_parameters} parameters, {devices} devices", timings)
        ratio = statistics.median(paired_ratios(*timings))
        verdict = "met" if ratio >= floor else "MISSED"
        # Forward, and two products backward, but for the first layer: nobody asks for the image's.
        operations = 3 * sum(row.operations for row in table) - table[0].operations
        share = operations * batch / timings[0].median / peak
        print(f"floor {floor}x: {verdict}; aim {aim}x; {share:.0%} of the matmul peak")
    torch.close()


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def matmul_peak() -> float:
    """Return the most floating-point operations a second in a product of matrices."""
    n = 2048
    a = jnp.asarray(np.random.default_rng(0).normal(size=(n, n)), jnp.float32)
    product = jax.jit(jnp.matmul)
    return 2 * n**3 / min(timed(lambda: product(a, a).block_until_ready()) for _ in range(8))


def steps(recipe: Recipe, interface: Interface, batch: int) -> tuple[Callable[[], object], int]:
    """Return a compiled call of STEPS training steps, laid out as the engine lays out one run."""
    learner = supervised(recipe, interface, kind="multiclass", dtype=np.dtype(np.float32))
    hyper = {name: jnp.float32(value) for name, value in recipe.hyper().items()}
    hyper["learning_rate"] = jnp.float32(1e-3)
    key = row_key(jnp.uint32(0), jnp.uint32(0), jnp.arange(batch))
    devices = min(learner.sharing.shares(batch), available_devices())

    def step(state, scanned):
        x, y = scanned
        return learner.step(state, Batch(x, y, jnp.ones(batch)), hyper, key)

    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(STEPS, batch, *interface.input_shape)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 10, (STEPS, batch)), jnp.int32)
    network = build_network(recipe, interface, seed=0)
    start = jax.jit(learner.init)(initial_arrays(network), hyper)
    run = on_devices(lambda start, x, y: lax.scan(step, start, (x, y))[0], devices)
    jax.block_until_ready(run(start, x, y))
    return (lambda: jax.block_until_ready(run(start, x, y))), devices


if __name__ == "__main__":
    main()
