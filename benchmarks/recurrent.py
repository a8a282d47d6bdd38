"""A training step of recurrent layers against PyTorch's fused modules with fused Adam.

    python benchmarks/recurrent.py [--rounds 9] [--only lstm,gru] [--study] [--threads 2]

RNN, LSTM and GRU (PyTorch's form; the documents' form is shown too) of two sizes, float32: layer,
dense layer on the last output, squared error, gradient, Adam. Each side lives in a process of its
own that waits idle while the other runs. Ours is the engine's learner; the batch of a large layer
is shared by two devices, a core each, as the engine does with one run. Floors: LSTM, GRU, RNN
32→128 with 50 steps, batch 64: 1.0, 2.5, 2 times as fast; 8→32 with 20 steps, batch 32: 2.5, 6,
5 times.

`--study` instead compares what one core does for one of many runs: both sides with one thread.
"""

import argparse
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path

from timing import Timing, interleave, paired_ratios, print_table

PEER = Path(__file__).with_name("peers") / "torch_recurrent.py"
SIZES = {
    "32→128, 50 steps, batch 64": (32, 128, 50, 64),
    "8→32, 20 steps, batch 32": (8, 32, 20, 32),
}
FLOORS = {
    "lstm": {128: 1.0, 32: 2.5},
    "gru": {128: 2.5, 32: 6.0},
    "rnn": {128: 2.0, 32: 5.0},
}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
DEVICES = {128: 2, 32: 1}
STEPS = {128: 20, 32: 200}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="lstm,gru,rnn")
    parser.add_argument("--study", action="store_true", help="one thread each")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument("--worker", action="store_true", help="be the process of our side")
    arguments = parser.parse_args()
    if arguments.worker:
        work()
        return

    threads = 1 if arguments.study else arguments.threads
    ours = Worker([sys.executable, __file__, "--worker"])
    theirs = Worker([sys.executable, str(PEER), "--threads", str(threads)])
    peak = ours.ask("peak")
    print(f"matmul peak of this machine, 2048 x 2048: {peak / 1e9:.0f} GFLOP/s")
    for title, (n_inputs, n_units, n_steps, batch) in SIZES.items():
        for cell in arguments.only.split(","):
            case = f"{n_inputs} {n_units} {n_steps} {batch} {STEPS[n_units]}"
            devices = 1 if arguments.study else DEVICES[n_units]
            variants = {
                f"Gradlab {cell}": partial(ours.ask, f"{cell} {case} {devices}"),
                "PyTorch": partial(theirs.ask, f"{cell} {case}"),
            }
            if cell == "gru":
                variants["Gradlab, documents' form"] = partial(
                    ours.ask, f"gru-doc {case} {devices}"
                )
            if devices > 1:
                variants["Gradlab, one device"] = partial(ours.ask, f"{cell} {case} 1")
            for ask in variants.values():  # compile
                ask()
            timings = interleave(variants, arguments.rounds)
            print_table(f"{cell} {title}, one step", [in_milliseconds(t) for t in timings])
            ratios = sorted(paired_ratios(timings[0], timings[1]))
            operations = 2 * n_steps * batch * GATES[cell] * n_units * (3 * n_units + 2 * n_inputs)
            share = operations / timings[0].median / peak
            print(
                f"PyTorch / Gradlab {ratios[len(ratios) // 2]:.2f} (minima "
                f"{min(timings[1].seconds) / min(timings[0].seconds):.2f}), floor "
                f"{FLOORS[cell][n_units]}; {share:.0%} of the peak"
            )


class Worker:
    """A process that answers lines, idle in between."""

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> float:
        """Send a line and return the number that comes back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker ended: {self.process.args}")
        return float(answer)


def in_milliseconds(timing: Timing) -> Timing:
    """Return the same times a thousandfold: the table's column then reads milliseconds."""
    return Timing(f"{timing.name} (ms)", tuple(1000 * s for s in timing.seconds))


def work() -> None:
    """Answer "CELL INPUTS UNITS TIME BATCH STEPS DEVICES" with the seconds of one step."""
    import jax

    jax.config.update("jax_num_cpu_devices", 2)
    for line in sys.stdin:
        if line.strip() == "peak":
            print(matmul_peak(), flush=True)
            continue
        cell, *numbers = line.split()
        *sizes, steps, devices = map(int, numbers)
        run, arguments = prepare(cell, *sizes, steps, devices)
        start = time.perf_counter()
        jax.block_until_ready(run(*arguments))
        print((time.perf_counter() - start) / steps, flush=True)


@cache
def prepare(
    cell: str, n_inputs: int, n_units: int, time: int, batch: int, steps: int, devices: int
):
    """Return a compiled function of so many training steps, as the engine runs them."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gradlab.nn import Dense, Sequential
    from gradlab.nn.random import row_key
    from gradlab.nn.recurrent import GRUCell, LSTMCell, Recurrent, RNNCell
    from gradlab.nn.weights import Weights
    from gradlab.training.learner import Batch
    from gradlab.training.recipe import Recipe
    from gradlab.training.sharing import on_devices, sharing_of_sequences
    from gradlab.training.supervised import initial_arrays, network_learner

    weights = [Weights("xavier_uniform", layer=i) for i in range(2)]
    create = {
        "rnn": RNNCell.create,
        "lstm": LSTMCell.create,
        "gru": partial(GRUCell.create, reset_after=True),
        "gru-doc": GRUCell.create,
    }[cell]
    recurrent = Recurrent(create(weights[0], n_inputs, n_units), outputs="last")
    head = Dense(weights[1]((n_units, 1), n_units, 1), weights[1].zeros(1))
    network, recipe = Sequential((recurrent, head)), Recipe()
    sharing = sharing_of_sequences(n_units)
    learner = network_learner(network, recipe, kind="regression", sharing=sharing)
    hyper = {name: jnp.float32(value) for name, value in recipe.hyper().items()}
    hyper["learning_rate"] = jnp.float32(1e-3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4 * batch, time, n_inputs)).astype(np.float32)
    y = rng.normal(size=(4 * batch, 1)).astype(np.float32)
    rows = rng.integers(len(x), size=(steps, batch)).astype(np.int32)

    def train(network, x, y, rows):
        def step(state, rows):
            key = row_key(jnp.uint32(0), jnp.uint32(0), rows)
            return learner.step(state, Batch(x[rows], y[rows], jnp.ones(batch)), hyper, key)

        return jax.lax.scan(step, learner.init(network, hyper), rows)[0]

    run = on_devices(train, devices)
    arguments = (initial_arrays(network), x, y, rows)
    jax.block_until_ready(run(*arguments))
    return run, arguments


def matmul_peak() -> float:
    """Return the multiply-adds of a large product per second, times two."""
    import jax
    import jax.numpy as jnp

    a = jnp.ones((2048, 2048))
    product = jax.jit(lambda a: a @ a)
    product(a).block_until_ready()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product(a).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(seconds)


if __name__ == "__main__":
    main()
