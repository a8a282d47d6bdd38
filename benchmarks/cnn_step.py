"""Training steps of convolutional networks: Gradlab's layers against PyTorch, channels last.

    python benchmarks/cnn_step.py [--rounds 7] [--threads 2] [--only cnn] [--micro 16]

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

from gradlab.nn import (
    BatchNorm,
    Dense,
    Sequential,
    activation_layer,
    n_parameters,
)
from gradlab.nn.convolution import Conv2D, micro_batch
from gradlab.nn.pooling import MaxPool2D
from gradlab.nn.random import row_key
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights
from gradlab.training.learner import Batch
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import initial_arrays, network_learner

STEPS = 8
"""Steps in one call; a call of ours and as many steps of theirs are one round."""

CASES = {
    "cnn": ("CNN 32-64 + fc128, 28x28x1, batch 128", 128, 1.5, 2.0),
    "cnn_norm": ("the same with two batch norms", 128, 1.0, 1.3),
    "vgg": ("VGG-like 64-64-128-128 + fc256, 32x32x3, batch 64", 64, 0.85, 1.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--micro", type=int, help="images at once, instead of the product's rule")
    arguments = parser.parse_args()

    peak = matmul_peak()
    print(f"matmul peak: {peak / 1e9:.0f} GFLOP/s (2048 x 2048, float32)")
    torch = TorchWorker(arguments.threads)
    for name in [arguments.only] if arguments.only else CASES:
        title, batch, floor, aim = CASES[name]
        model, shape = network(name)
        micro = arguments.micro or micro_batch(model, shape, batch)
        run = steps(model, shape, batch, micro)
        variants = {
            "Gradlab": lambda run=run: timed(run) / STEPS,
            "PyTorch": partial(torch.seconds, step=name, batch=batch, repeats=STEPS),
        }
        timings = interleave(variants, arguments.rounds)
        print_table(f"{title}; micro-batch {micro}, {n_parameters(model)} parameters", timings)
        ratio = statistics.median(paired_ratios(*timings))
        verdict = "met" if ratio >= floor else "MISSED"
        share = flops(model, shape) * batch / timings[0].median / peak
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


def network(name: str) -> tuple[Sequential, tuple[int, ...]]:
    """Return a network and the shape of one image; pooling stands before ReLU, which it may."""
    relu, pool = activation_layer("relu", 1, {}), MaxPool2D(2)

    def conv(number: int, n_in: int, n_out: int) -> list:
        norm = [BatchNorm(n_out)] if name == "cnn_norm" else []
        weights = Weights(layer=number)
        return [Conv2D.create(weights, n_in, n_out, kernel=3, padding="same"), *norm]

    def dense(number: int, n_in: int, n_out: int) -> Dense:
        weights = Weights(layer=number)
        return Dense(weights((n_in, n_out), n_in, n_out), weights.zeros(n_out))

    if name == "vgg":
        maps = [*conv(0, 3, 64), relu, *conv(1, 64, 64), pool, relu]
        maps += [*conv(2, 64, 128), relu, *conv(3, 128, 128), pool, relu]
        head = [Flatten(), dense(4, 8192, 256), relu, dense(5, 256, 10)]
        return Sequential((*maps, *head)), (32, 32, 3)
    maps = [*conv(0, 1, 32), pool, relu, *conv(1, 32, 64), pool, relu]
    head = [Flatten(), dense(2, 3136, 128), relu, dense(3, 128, 10)]
    return Sequential((*maps, *head)), (28, 28, 1)


def steps(
    model: Sequential, shape: tuple[int, ...], batch: int, micro: int
) -> Callable[[], object]:
    """Return a compiled call of STEPS training steps on batches of their own."""
    learner = network_learner(model, Recipe(learning_rate=1e-3), kind="multiclass", piece=micro)
    hyper = {name: jnp.float32(value) for name, value in Recipe().hyper().items()}
    hyper["learning_rate"] = jnp.float32(1e-3)
    key = row_key(jnp.uint32(0), jnp.uint32(0), jnp.arange(batch))

    def step(state, scanned):
        x, y = scanned
        return learner.step(state, Batch(x, y, jnp.ones(batch)), hyper, key)

    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(STEPS, batch, *shape)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 10, (STEPS, batch)), jnp.int32)
    start = jax.jit(learner.init)(initial_arrays(model), hyper)
    run = jax.jit(lambda start, x, y: lax.scan(step, start, (x, y))[0])
    jax.block_until_ready(run(start, x, y))
    return lambda: jax.block_until_ready(run(start, x, y))


def flops(model: Sequential, shape: tuple[int, ...]) -> float:
    """Return the operations of one image's convolutions and products, forward and backward."""
    total, first = 0.0, True
    for layer in model.layers:
        if isinstance(layer, Conv2D):
            forward = 2 * layer.workspace(shape) * layer.weight.shape[-1]
            total += forward * (2 if first else 3)  # nobody asks for the first image's gradient
            first = False
        elif isinstance(layer, Dense):
            total += 3 * 2 * layer.weight.size
        shape = layer.output_shape(shape) if hasattr(layer, "output_shape") else shape
    return total


if __name__ == "__main__":
    main()
