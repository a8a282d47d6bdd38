"""Style transfer, 512 pixels, SqueezeNet's layers, 200 steps: ours against PyTorch.

    python benchmarks/style_transfer.py [--rounds 5] [--size 512] [--steps 20]
    python benchmarks/style_transfer.py --memory 2048

The same network, layers, losses and optimiser (Adam on the pixels), the weights drawn. Every
variant is a process that waits for its turn and makes `steps` steps each time, in turn; the table
gives what 200 take. --memory makes steps of L-BFGS on one large picture and prints the most memory
that the process held, whole and in bands.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

from published import Worker
from timing import interleave, paired_ratios

PEER = Path(__file__).parent / "peers" / "torch_style.py"
LAYOUTS = {"PyTorch channels last": "channels_last", "PyTorch channels first": "contiguous_format"}
LAYERS = ("conv1", "relu1", "pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5")
LAYERS += ("fire6", "fire7")
STYLE = ("relu1", "fire2", "fire3", "fire4", "fire5", "fire7")
ALL = 200
AIM = 1.0


def task_of(size: int, *, in_bands: bool | None = None):
    """Return a task of a square picture, and the picture."""
    import numpy as np

    from gradlab.nn.architectures import squeezenet
    from gradlab.style import FeatureNetwork
    from gradlab.style.bands import bands_for
    from gradlab.style.objective import Plan
    from gradlab.style.scales import scales_of
    from gradlab.style.targets import style_grams, task_for

    network = FeatureNetwork(
        dict(zip(LAYERS, squeezenet().layers, strict=False)), convention="caffe"
    )
    plan = Plan(("fire4",), STYLE)
    rng = np.random.default_rng(0)
    content, style, start = rng.uniform(size=(3, size, size, 3)).astype(np.float32)
    bands = None if in_bands is False else bands_for(content.shape, network, plan)[0]
    grams = style_grams(style, network, plan, bands)
    scales = scales_of(content, (style,), (1.0,), network, plan)
    task = task_for(
        content,
        {name: gram[None] for name, gram in grams.items()},
        network,
        plan,
        weights=(1e-3, 1.0, 1e-3),
        scales=scales,
        bands=bands,
    )
    return task, start


def worker(size: int, steps: int) -> None:
    import jax
    import jax.numpy as jnp

    from gradlab.style.descent import advance, start

    task, image = task_of(size)
    descent = start(jnp.asarray(image), task, optimizer="adam")
    rate, n = jnp.asarray(0.02, jnp.float32), jnp.asarray(steps, jnp.int32)
    for _ in range(2):
        descent, _ = advance(descent, task, n, rate, optimizer="adam")
    jax.block_until_ready(descent)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        descent, _ = advance(descent, task, n, rate, optimizer="adam")
        jax.block_until_ready(descent)
        print(time.perf_counter() - began, flush=True)


def memory(size: int, whole: bool) -> None:
    import resource

    import jax
    import jax.numpy as jnp

    from gradlab.style.descent import advance, start

    task, image = task_of(size, in_bands=False if whole else None)
    descent = start(jnp.asarray(image), task, optimizer="lbfgs")
    one, two = jnp.asarray(1.0, jnp.float32), jnp.asarray(2, jnp.int32)
    jax.block_until_ready(advance(descent, task, two, one, optimizer="lbfgs"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cuts = "whole" if task.bands is None else f"in {len(task.bands.starts)} bands"
    print(f"{size} x {size}, {cuts}: {most:.2f} GiB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument(
        "--steps", type=int, default=20, help="steps of one measurement, 32 at most"
    )
    parser.add_argument("--memory", type=int, help="size of a picture whose memory is measured")
    parser.add_argument("--whole", action="store_true", help="with --memory: not in bands")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.size, arguments.steps)
        return
    if arguments.memory:
        memory(arguments.memory, arguments.whole)
        return
    given = ("--size", str(arguments.size), "--steps", str(arguments.steps))
    variants = {"Gradlab": Worker(__file__, "--worker", *given)}
    for title, layout in LAYOUTS.items():
        variants[title] = Worker(str(PEER), layout, *given)
    timings = interleave(variants, arguments.rounds)
    for variant in variants.values():
        variant.close()
    factor = ALL / arguments.steps
    print(
        f"\nStyle transfer, {arguments.size} x {arguments.size}, {arguments.rounds} interleaved "
        f"rounds of {arguments.steps} steps; seconds for {ALL} steps"
    )
    print(f"{'':24}{'median':>9}{'least':>9}  times ours (min-max)")
    for timing in timings:
        ratios = paired_ratios(timings[0], timing)
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        least = factor * min(timing.seconds)
        print(f"{timing.name:24}{factor * timing.median:9.1f}{least:9.1f}  {ratio}")
    best = min(statistics.median(paired_ratios(timings[0], t)) for t in timings[1:])
    print(f"aim {AIM}: {'met' if best >= AIM else 'missed'} ({best:.2f} times the better PyTorch)")


if __name__ == "__main__":
    main()
