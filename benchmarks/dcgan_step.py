"""A training step of a DCGAN: Gradlab's learner against PyTorch.

    python benchmarks/dcgan_step.py [--rounds 7] [--threads 2] [--only mnist64]

A step is Algorithm 1 with k = 1: the discriminator on 64 pictures and 64 generated ones, then the
generator, both with Adam, in float32, the generated pictures used for both. Ours is the engine's
learner in a `lax.scan`; PyTorch's is eager with fused Adam, in a process of its own that waits
while ours runs, with channels first and last, of which the faster counts.
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

from gradlab.generative.gan.learner import adversarial
from gradlab.generative.gan.pairs import ConvolutionalPair
from gradlab.generative.gan.settings import AdversarialSettings, arrays_of
from gradlab.nn.random import row_key
from gradlab.training.learner import Batch
from gradlab.training.sharing import ask_for_devices, available_devices, on_devices

STEPS, BATCH, FLOOR = 8, 64, 1.0

CASES = {
    "mnist32": ("DCGAN 28x28x1, width 32, batch 64", 28, 1, 32),
    "mnist64": ("DCGAN 28x28x1, width 64, batch 64", 28, 1, 64),
    "cifar64": ("DCGAN 32x32x3, width 64, batch 64", 32, 3, 64),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=CASES)
    arguments = parser.parse_args()
    ask_for_devices()
    torch = TorchWorker(arguments.threads, worker="torch_dcgan.py")
    for name, (title, size, channels, width) in CASES.items():
        if arguments.only not in (None, name):
            continue
        case = {"size": size, "channels": channels, "width": width, "batch": BATCH, "steps": STEPS}
        variants = {
            "Gradlab": ours(size, channels, width),
            "PyTorch channels first": partial(torch.seconds, **case, last=False),
            "PyTorch channels last": partial(torch.seconds, **case, last=True),
        }
        timings = interleave(variants, arguments.rounds)
        print_table(title, timings)
        own, *others = timings
        best = min(others, key=lambda timing: timing.median)
        ratio = statistics.median(paired_ratios(own, best))
        least = min(best.seconds) / min(own.seconds)
        print(f"ratio of medians {ratio:.2f}, of minima {least:.2f}", end="; ")
        print(f"floor {FLOOR}x: {'met' if ratio >= FLOOR else 'MISSED'}\n", flush=True)
    torch.close()


def ours(size: int, channels: int, width: int) -> Callable[[], float]:
    """Return a function that runs STEPS steps and returns the seconds of one."""
    shape = (size, size, channels)
    settings = AdversarialSettings(
        ConvolutionalPair(shape, noise_size=100, width=width), n_rows=BATCH * STEPS,
        batch_size=BATCH, passes=100, reuse_noise=True, parameters=(("beta1", 0.5),),
    )  # fmt: skip
    learner = adversarial(settings)
    hyper = {name: jnp.float32(value) for name, value in settings.hyper().items()}
    hyper["learning_rate"] = jnp.float32(2e-4)
    start = jax.tree.map(jnp.asarray, arrays_of(settings.pair.build(0)))
    x = jnp.asarray(np.random.default_rng(0).random((BATCH * STEPS, *shape)), jnp.float32)
    weight, labels = jnp.ones(BATCH), jnp.zeros(BATCH, jnp.int32)

    def steps(state, x, first):
        def one(state, rows):
            batch = Batch(x[rows], labels, weight)
            return learner.step(state, batch, hyper, row_key(0, first + rows[0], rows))

        return lax.scan(one, state, jnp.arange(BATCH * STEPS).reshape(STEPS, BATCH))

    shares = learner.sharing.shares(BATCH) if learner.sharing else 1
    run = on_devices(steps, min(shares, available_devices()))
    state = jax.jit(learner.init)(start, hyper)
    state, losses = run(state, x, 0)
    jax.block_until_ready(losses)

    def measure() -> float:
        began = time.perf_counter()
        jax.block_until_ready(run(state, x, 0))
        return (time.perf_counter() - began) / STEPS

    return measure


if __name__ == "__main__":
    main()
