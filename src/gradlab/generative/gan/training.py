"""Training adversarial pairs on the engine, one or a population, with a look now and then."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import numpy as np
import polars as pl
from jaxtyping import Float, PyTree

from gradlab.errors import RecipeError
from gradlab.generative.gan.learner import RECORD, adversarial
from gradlab.generative.gan.settings import AdversarialSettings, template
from gradlab.nn.module import Sequential
from gradlab.process import cores
from gradlab.training.executors import Progressed, execute
from gradlab.training.packing import unpack_on_host
from gradlab.training.plan import Plan, Program, Run, Shape
from gradlab.training.population import NOT_DIVERGED, layouts_of
from gradlab.training.precision import precision
from gradlab.training.sharing import ask_for_devices
from gradlab.training.task import Task

CALL_SECONDS = 0.4
MOST_MEMBERS = 32


@dataclasses.dataclass(frozen=True)
class Networks:
    """Generator and discriminator with the states of their layers."""

    generator: Sequential
    generator_layers: PyTree
    discriminator: Sequential
    discriminator_layers: PyTree


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """A GAN somewhere in its training.

    Attributes:
        index: Of the run, as it was asked for.
        passes: Epochs done.
        record: Means of what the learner recorded, one row a lap, without the count of steps.
        networks: As they stand.
        finite: Whether all of their numbers are.
        ended: Whether nothing more comes.
        diverged: Epoch (from 1) in which a loss was not finite; None if none was.
        seconds: Of training so far.
    """

    index: int
    passes: float
    record: Float[np.ndarray, "laps columns"]
    networks: Networks
    finite: bool
    ended: bool
    diverged: int | None
    seconds: float


def train_pairs(
    x: Any,
    runs: Sequence[tuple[AdversarialSettings, int]],
    *,
    every: int = 1,
) -> Iterator[Look]:
    """Train GANs as a population and hand out looks at them as they come.

    Runs of equal structure share one compiled program, and each has the same numbers bit for bit
    alone and in company. Closing the iterator ends the training after the calls under way.

    Args:
        x: Rows, float32 or bytes, in the range that the pair expects ([0, 1] for pictures).
        runs: Settings and seed of each.
        every: Epochs between two looks; a slow network is looked at more often.
    """
    for settings, seed in runs:
        settings.check()
        if isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise RecipeError(f"A seed is a whole number from 0 to 2³² − 1; got {seed!r}.")
    task = _task(x)
    asked = [Run(settings, int(seed)) for settings, seed in runs]
    planned = _plan(task, asked, every)
    with_looks = execute(planned, keep_ends=True)
    try:
        for event in with_looks:
            if isinstance(event, Progressed):
                yield _look(planned, asked[event.index].recipe, event)
    finally:
        with_looks.close()


def _task(x: Any) -> Task:
    n = len(x)
    return Task(
        x=x,
        y=np.zeros(n, np.int32),
        weight=np.ones(n, np.float32),
        splits=((np.arange(n, dtype=np.int32), np.zeros(0, np.int32)),),
        test=np.zeros(0, np.int32),
        kind="reconstruction",
        n_outputs=1,
    )


def _plan(task: Task, runs: Sequence[Run], every: int) -> Plan:
    """Return a program for each structure: laps of unlike length can't share one."""
    ask_for_devices()
    groups: dict[tuple, list[AdversarialSettings]] = {}
    for run in runs:
        groups.setdefault(run.recipe.structure(), []).append(run.recipe)
    programs, places = [], {}
    for position, (structure, members) in enumerate(groups.items()):
        places[structure] = (position, 0)
        programs.append(_program(task, members, every))
    return Plan(task, tuple(runs), tuple(programs), places, validation_chunk=1)


def _program(task: Task, members: Sequence[AdversarialSettings], every: int) -> Program:
    first = members[0]
    learner = adversarial(first)
    with precision(task.dtype):
        layouts = layouts_of([learner], task.dtype)
    flops = 6 * first.pair.operations() * first.rows_a_step
    seconds = first.steps * (10e-6 + flops / 50e9)
    # A call ends where a look is due.
    fit = max(1, int(CALL_SECONDS / seconds))
    wanted = every * first.laps
    epochs = max(n for n in range(1, min(fit, wanted) + 1) if wanted % n == 0)
    share = len(members) / (2 * cores())
    room = CALL_SECONDS / (seconds * epochs)
    block = 2 ** int(math.log2(max(1, min(MOST_MEMBERS, room, share))))
    shape = Shape(first.rows_a_step, first.steps, epochs, block)
    return Program(shape, (), (learner,), layouts)


def _look(planned: Plan, settings: AdversarialSettings, event: Progressed) -> Look:
    checkpoint = event.checkpoint
    position, kind = planned.places[settings.structure()]
    state = unpack_on_host(checkpoint.state, planned.programs[position].layouts.states[kind])
    laps = int(checkpoint.control.epoch)
    record = np.asarray(state.record, np.float64)[:laps]
    steps = np.maximum(record[:, -1:], 1)
    diverged = int(checkpoint.control.diverged)
    # What is looked at are the weights to sample by: Nesterov trains others than it means.
    networks = networks_of(settings, *_result(planned, settings, state))
    finite = all(np.isfinite(leaf).all() for leaf in _leaves(networks))
    return Look(
        index=event.index,
        passes=laps / settings.laps,
        record=record[:, :-1] / steps,
        networks=networks,
        finite=finite,
        ended=not bool(checkpoint.control.active),
        diverged=None if diverged == NOT_DIVERGED else diverged // settings.laps + 1,
        seconds=checkpoint.seconds,
    )


def _result(
    planned: Plan, settings: AdversarialSettings, state: Any
) -> tuple[tuple[PyTree, PyTree], tuple[PyTree, PyTree]]:
    position, kind = planned.places[settings.structure()]
    learner = planned.programs[position].learners[kind]
    hyper: dict[str, Any] = {k: np.float32(value) for k, value in settings.hyper().items()}
    return learner.result(state, hyper)


def networks_of(
    settings: AdversarialSettings,
    models: tuple[PyTree, PyTree],
    layers: tuple[PyTree, PyTree],
) -> Networks:
    """Return the networks with what is not numbers, which no state holds."""
    whole = template(settings.pair)
    generator, discriminator = (
        eqx.combine(own, eqx.filter(part, eqx.is_array, inverse=True))
        for own, part in zip(models, whole, strict=True)
    )
    return Networks(generator, layers[0], discriminator, layers[1])


def _leaves(networks: Networks) -> list[np.ndarray]:
    import jax

    parts = (networks.generator, networks.generator_layers, networks.discriminator)
    leaves = jax.tree.leaves(eqx.filter(parts, lambda leaf: isinstance(leaf, np.ndarray)))
    return [leaf for leaf in leaves if leaf.dtype.kind == "f"]


def history_frame(
    record: Float[np.ndarray, "laps columns"], settings: AdversarialSettings
) -> pl.DataFrame:
    """Return the record as a table, one row an epoch (or what there is of the last)."""
    laps = settings.laps
    names = RECORD[:-1]
    rows = [record[start : start + laps].mean(axis=0) for start in range(0, len(record), laps)]
    table = np.array(rows).reshape(-1, len(names))
    done = np.minimum((np.arange(len(rows)) + 1) * laps, len(record))
    columns: dict[str, Any] = {
        "epoch": np.arange(1, len(rows) + 1),
        "step": done * settings.steps,
    }
    return pl.DataFrame(columns | {name: table[:, i] for i, name in enumerate(names)})
