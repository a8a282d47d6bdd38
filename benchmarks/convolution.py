"""Single convolutions, forward and both gradients: Gradlab's layers against PyTorch, channels last.

    python benchmarks/convolution.py [--rounds 7] [--threads 2]

Each map runs many times in one compiled loop on inputs of its own, as in training; PyTorch's runs
as often, in a process of its own that waits while ours runs. Each core takes a share of the images,
as in the training of one run. The row "all" is the sum of the three,
what a training step takes; where a target is set for it, the floor and the aim are printed.
"""

import argparse
import math
import statistics
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from cnn_step import matmul_peak, timed
from jax import lax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from timing import Timing, interleave, paired_ratios
from torch_worker import TorchWorker

from gradlab.nn.convolution import Conv2D, TransposedConv2D
from gradlab.nn.shares import AXIS, total
from gradlab.training.sharing import ask_for_devices

REPEATS = 4

# name: (kind, size, c_in, c_out, kernel, stride, padding, batch, floor)
CASES = {
    "3x3, 14x14, 32 -> 64, batch 128": ("conv", 14, 32, 64, 3, 1, 1, 128, None),
    "3x3, 28x28, 1 -> 32, batch 128": ("conv", 28, 1, 32, 3, 1, 1, 128, None),
    "3x3, 32x32, 64 -> 64, batch 16": ("conv", 32, 64, 64, 3, 1, 1, 16, None),
    "3x3, 16x16, 128 -> 128, batch 16": ("conv", 16, 128, 128, 3, 1, 1, 16, None),
    "1x1, 28x28, 64 -> 256, batch 16": ("conv", 28, 64, 256, 1, 1, 0, 16, None),
    "DCGAN 4x4 stride 2, 32x32 -> 16x16, 3 -> 64": ("conv", 32, 3, 64, 4, 2, 1, 64, 0.8),
    "DCGAN 4x4 stride 2, 16x16 -> 8x8, 64 -> 128": ("conv", 16, 64, 128, 4, 2, 1, 64, 0.8),
    "DCGAN 4x4 stride 2, 8x8 -> 4x4, 128 -> 256": ("conv", 8, 128, 256, 4, 2, 1, 64, 0.8),
    "DCGAN transposed, 4x4 -> 8x8, 256 -> 128": ("transposed", 4, 256, 128, 4, 2, 1, 64, 0.8),
    "DCGAN transposed, 8x8 -> 16x16, 128 -> 64": ("transposed", 8, 128, 64, 4, 2, 1, 64, 0.8),
    "DCGAN transposed, 16x16 -> 32x32, 64 -> 3": ("transposed", 16, 64, 3, 4, 2, 1, 64, 0.8),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    ask_for_devices()

    peak = matmul_peak()
    print(f"matmul peak: {peak / 1e9:.0f} GFLOP/s (2048 x 2048, float32)")
    print(f"{'':46}  {'map':8}  {'ours ms':>8}  {'PyTorch':>8}  {'ratio':>6}  of peak")
    torch = TorchWorker(arguments.threads)
    for name, (*numbers, floor) in CASES.items():
        names = ("kind", "size", "c_in", "c_out", "kernel", "stride", "padding", "batch")
        case = dict(zip(names, numbers, strict=True))
        flops = operations(case)
        of_maps = []
        for what, run in maps(**case).items():
            variants = {
                "Gradlab": lambda run=run: timed(run) / REPEATS,
                "PyTorch": partial(torch.seconds, what=what, repeats=REPEATS, **case),
            }
            of_maps.append(interleave(variants, arguments.rounds))
            row(name, what, *of_maps[-1], flops / peak)
        ours, theirs = (
            Timing("", tuple(map(sum, zip(*(pair[i].seconds for pair in of_maps), strict=True))))
            for i in (0, 1)
        )
        ratio = row(name, "all", ours, theirs, 3 * flops / peak)
        if floor is not None:
            print(f"{'':46}  floor {floor}x: {'met' if ratio >= floor else 'MISSED'}; aim 1.1x")
    torch.close()


def row(name: str, what: str, ours: Timing, theirs: Timing, at_peak: float) -> float:
    ratio = statistics.median(paired_ratios(ours, theirs))
    times = f"{1e3 * ours.median:8.2f}  {1e3 * theirs.median:8.2f}  {ratio:6.2f}"
    print(f"{name:46}  {what:8}  {times}  {at_peak / ours.median:7.0%}", flush=True)
    return ratio


def operations(case: dict) -> float:
    """Return the operations of one map."""
    size = case["size"]
    if case["kind"] == "conv":
        size = (size + 2 * case["padding"] - case["kernel"]) // case["stride"] + 1
    products = case["batch"] * (size * case["kernel"]) ** 2 * case["c_in"] * case["c_out"]
    return 2.0 * products


def maps(
    *,
    kind: str,
    size: int,
    c_in: int,
    c_out: int,
    kernel: int,
    stride: int,
    padding: int,
    batch: int,
) -> dict[str, Callable[[], object]]:
    """Return compiled calls of REPEATS forward maps, image gradients and weight gradients."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    if kind == "conv":
        make, shape = Conv2D, (kernel, kernel, c_in, c_out)
    else:
        make, shape = TransposedConv2D, (kernel, kernel, c_out, c_in)
    weight = draw(*shape) / math.sqrt(math.prod(shape))
    make = partial(make, stride=stride, padding=padding)
    x = draw(REPEATS, batch, size, size, c_in)
    g = draw(REPEATS, batch, *make(weight).output_shape((size, size, c_in)))

    mesh, images = Mesh(np.array(jax.devices()), (AXIS,)), P(None, AXIS)
    x, g = (jax.device_put(batches, NamedSharding(mesh, images)) for batches in (x, g))

    def image(weight, x, g):
        return jax.vjp(lambda x: make(weight)(x, ())[0], x)[1](g)[0]

    def of_weight(weight, x, g):
        return total(jax.vjp(lambda w: make(w)(x, ())[0], weight)[1](g)[0])

    bodies = {
        "forward": lambda weight, x, g: make(weight)(x, ())[0],
        "image": image,
        "weight": of_weight,
    }
    calls = {}
    for what, body in bodies.items():
        # The result is the loop's carry, so that no part of it can be left out.
        def run(weight, x, g, body=body):
            shape = jax.eval_shape(body, weight, x[0], g[0])
            start = jnp.zeros(shape.shape, shape.dtype)
            return lax.scan(lambda _, pair: (body(weight, *pair), None), start, (x, g))[0]

        laid_out = jax.shard_map(
            run, mesh=mesh, in_specs=(P(), images, images), out_specs=P(), check_vma=False
        )
        compiled = jax.jit(laid_out)
        jax.block_until_ready(compiled(weight, x, g))
        calls[what] = partial(lambda f: jax.block_until_ready(f(weight, x, g)), compiled)
    return calls


if __name__ == "__main__":
    main()
