"""Published networks without weight gradients (style transfer, saliency): ours against PyTorch.

    python benchmarks/published.py [--rounds 15] [--size 224]

SqueezeNet v1.1 and VGG-19 up to conv5_1, one image: forward pass and the gradient of the input, in
PyTorch's eval mode with weights that take no gradient. Every variant is a process that waits for
its turn; they take turns call by call. The last column is the share of the machine's speed at a
large matrix product, by the operations of the convolutions, forward and back.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from timing import interleave, paired_ratios

PEER = Path(__file__).parent / "peers" / "torch_published.py"
LAYOUTS = {"PyTorch channels last": "channels_last", "PyTorch channels first": "contiguous_format"}
NETWORKS = {"squeezenet": "SqueezeNet v1.1", "vgg19": "VGG-19 to conv5_1"}
FLOOR, AIM = 0.85, 1.1


class Worker:
    """A process that does its work once for every line it is sent."""

    def __init__(self, *command: str):
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ready = self.process.stdout.readline()
        if not self.ready:
            raise SystemExit(f"{' '.join(command)} ended before it was ready.")

    def __call__(self) -> float:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def worker(name: str, size: int) -> None:
    """Say the operations of a call and the machine's peak, then wait for lines."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gradlab.nn.architectures import squeezenet, vgg_features

    network = {"squeezenet": squeezenet, "vgg19": vgg_features}[name]()
    state = network.initial_state()

    @eqx.filter_jit
    def value_and_gradient(network, x):
        return jax.value_and_grad(lambda x: jnp.sum(network(x, state)[0] ** 2))(x)

    network = jax.tree.map(lambda leaf: jnp.asarray(leaf) if eqx.is_array(leaf) else leaf, network)
    x = np.random.default_rng(0).normal(size=(1, size, size, 3)).astype(np.float32)
    x = jax.block_until_ready(jnp.asarray(x))
    for _ in range(3):
        jax.block_until_ready(value_and_gradient(network, x))
    print(operations(network, (size, size, 3)), peak(), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        jax.block_until_ready(value_and_gradient(network, x))
        print(time.perf_counter() - start, flush=True)


def operations(network, shape: tuple[int, ...]) -> int:
    """Return the multiplications and additions of all convolutions, forward and back once."""
    from gradlab.nn.architectures import Fire
    from gradlab.nn.convolution import Conv2D

    total = 0
    for layer in network.layers:
        if isinstance(layer, Fire):
            squeezed = layer.squeeze1x1.output_shape(shape)
            parts = [(layer.squeeze1x1, shape)]
            parts += [(conv, squeezed) for conv in (layer.expand1x1, layer.expand3x3)]
        else:
            parts = [(layer, shape)] if isinstance(layer, Conv2D) else []
        total += sum(2 * 2 * conv.workspace(s) * conv.weight.shape[-1] for conv, s in parts)
        shape = layer.output_shape(shape) if hasattr(layer, "output_shape") else shape
    return total


def peak(n: int = 2048) -> float:
    """Return the operations a second of a large matrix product, the best of ten."""
    import jax
    import jax.numpy as jnp

    a = jnp.ones((n, n))
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, a))
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        jax.block_until_ready(product(a, a))
        seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds)


def compare(name: str, size: int, rounds: int) -> None:
    ours = Worker(__file__, "--worker", name, "--size", str(size))
    of_call, at_peak = map(float, ours.ready.split())
    variants = {"Gradlab": ours}
    for title, layout in LAYOUTS.items():
        variants[title] = Worker(str(PEER), name, layout, "--size", str(size))
    for variant in variants.values():
        for _ in range(3):
            variant()
    timings = interleave(variants, rounds)
    for variant in variants.values():
        variant.close()

    print(f"\n{NETWORKS[name]}, {size} x {size}, {rounds} interleaved rounds, milliseconds")
    print(f"{'':24}{'median':>9}{'least':>9}  times ours (min-max)  share of peak")
    for timing in timings:
        ratios = paired_ratios(timings[0], timing)
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        share = of_call / timing.median / at_peak
        median, least = 1e3 * timing.median, 1e3 * min(timing.seconds)
        print(f"{timing.name:24}{median:9.1f}{least:9.1f}  {ratio:20}  {share:13.0%}")
    best = min(statistics.median(paired_ratios(timings[0], t)) for t in timings[1:])
    verdict = "met" if best >= AIM else "floor met" if best >= FLOOR else "missed"
    print(f"floor {FLOOR}, aim {AIM}: {verdict} ({best:.2f} times the better PyTorch)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--worker", choices=NETWORKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker, arguments.size)
        return
    for name in NETWORKS:
        compare(name, arguments.size, arguments.rounds)


if __name__ == "__main__":
    main()
