"""What history and early stopping cost: the product's program against one that only trains.

    python benchmarks/history_overhead.py [--repeats 60]

Three programs train the same block of runs from the same weights in the same order, and end with
the same weights. They take turns in one process, one call at a time:

    steps only           all steps of all epochs in one loop: no losses, no stopping
    history and control  the engine, its validation score replaced by a constant: a row of history
                         an epoch, divergence, patience, best weights kept
    with evaluation      the engine as it is: the validation part is scored after each epoch

Each overhead is the median of the rounds' ratios with a 95 % bootstrap interval. Scoring the
validation part is arithmetic that any framework would have to do (here 360 rows forward after 1,078
rows forward and back), so it stands apart from what the engine adds by itself.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.stats import bootstrap
from timing import Timing, interleave, paired_ratios, print_table

from gradlab.data import load_dataset
from gradlab.lab.compare import prepare
from gradlab.lab.question import Question
from gradlab.nn.random import row_key
from gradlab.training.executors import compile_program, device_data, execute
from gradlab.training.learner import Learner
from gradlab.training.packing import pack, unpack
from gradlab.training.plan import Plan, Run, plan
from gradlab.training.population import Data, Layouts, Members, gather_batch, population
from gradlab.training.recipe import Recipe

STEPS, CONTROL, EVALUATION = "steps only", "history and control", "with evaluation"
LIMIT = 0.05

# Patience that is never used up: everything that early stopping needs runs, but no run stops.
RECIPES = {
    "default study: 64-64-10, batch 32": Recipe(patience=29),
    "with batch norm and dropout": Recipe(patience=29, norm="batch", dropout=0.2),
    "wide: 64-256-256-10, batch 128": Recipe(patience=29, hidden=(256, 256), batch_size=128),
}


def block_of(ready: Plan) -> tuple[Members, Data]:
    """Return the first block of runs just as the executor hands it to the compiled program."""
    blocks = []
    compiled = compile_program(ready, ready.programs[0], device_data(ready))

    def record(members: Members, data: Data) -> Any:
        blocks.append((members, data))
        return compiled(members, data)

    for _ in execute(ready, programs={0: record}, workers=1):
        pass
    return blocks[0]


def steps_only(learner: Learner, layouts: Layouts) -> Callable[[Members, Data], jax.Array]:
    """Return the function that trains a block and does nothing else; gives the packed states."""

    def one(member: Members, data: Data) -> jax.Array:
        hyper = {name: member.hyper[i] for i, name in enumerate(learner.hyper_names)}
        rates = member.learning_rates.reshape(-1)
        order = member.order.reshape(len(rates), -1)

        def step(state: Any, now: tuple) -> tuple[Any, None]:
            rows, rate, number = now
            batch = gather_batch(data, member.split, rows)
            key = row_key(member.seed, number, rows)
            state, _ = learner.step(state, batch, {**hyper, "learning_rate": rate}, key)
            return state, None

        start = learner.init(unpack(member.state, learner.start_layout), hyper)
        numbers = jnp.arange(len(rates), dtype=jnp.uint32)
        state, _ = lax.scan(step, start, (order, rates, numbers))
        return pack(state, layouts.state_words)

    return lambda members, data: lax.map(partial(one, data=data), members)


def without_evaluation(learner: Learner) -> Learner:
    """Return a learner whose validation score costs nothing."""
    return learner._replace(evaluate=lambda state, batch, hyper: (jnp.ones((), batch.x.dtype),) * 3)


def programs_of(ready: Plan, members: Members, data: Data) -> dict[str, Callable[[], Any]]:
    """Return the three programs, compiled, each training the block when called."""
    (program,) = ready.programs
    (learner,), layouts = program.learners, program.layouts
    functions = {
        STEPS: steps_only(learner, layouts),
        CONTROL: population([without_evaluation(learner)], layouts),
        EVALUATION: population([learner], layouts),
    }

    def caller(function: Callable) -> Callable[[], Any]:
        compiled = jax.jit(function).lower(members, data).compile()
        return lambda: jax.block_until_ready(compiled(members, data))

    return {name: caller(function) for name, function in functions.items()}


def run(call: Callable[[], Any]) -> None:
    """Call, and keep the outputs from being taken for seconds."""
    call()


def check_equal_work(trained: dict[str, Any], epochs: int) -> None:
    """Fail unless all programs trained all epochs and reached the same weights."""
    expected = np.asarray(trained[STEPS]).view(np.float32)
    for name in (CONTROL, EVALUATION):
        assert np.all(np.asarray(trained[name].control.epoch) == epochs), f"{name} stopped early"
        state = np.asarray(trained[name].state).view(np.float32)
        np.testing.assert_allclose(state, expected, rtol=1e-3, atol=1e-5, err_msg=name)


def overhead(base: Timing, other: Timing) -> tuple[float, float, float]:
    """Return the median of other / base - 1 over the rounds and the ends of its interval."""
    ratios = np.array(paired_ratios(base, other)) - 1
    if len(ratios) < 2:
        return float(ratios[0]), float("nan"), float("nan")
    ends = bootstrap(
        (ratios,), np.median, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(np.median(ratios)), float(ends.low), float(ends.high)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=60, help="interleaved rounds (60)")
    repeats = parser.parse_args().repeats

    task, _ = prepare(load_dataset("digits"), Question())
    lines = []
    for title, recipe in RECIPES.items():
        ready = plan(task, [Run(recipe, seed) for seed in range(8)], workers=1)
        members, data = block_of(ready)
        programs = programs_of(ready, members, data)
        trained = {name: call() for name, call in programs.items()}
        check_equal_work(trained, ready.programs[0].shape.epochs)

        timings = interleave({name: partial(run, call) for name, call in programs.items()}, repeats)
        print_table(title, timings)
        for timing in timings[1:]:
            middle, low, high = (100 * value for value in overhead(timings[0], timing))
            met = "met" if high <= 100 * LIMIT else "MISSED"
            lines.append(
                f"{title}; {timing.name}: {middle:+.1f} % [{low:+.1f}, {high:+.1f}] "
                f"(upper end at most {100 * LIMIT:g} %): {met}"
            )
    print()
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
