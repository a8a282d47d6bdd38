"""Carrying out a plan: compile each program once, feed it blocks of runs from a few threads.

JAX runs one program at a time on a CPU device, but the calls of several Python threads overlap, so
as many threads as cores, each with its own block, use the machine. A run that is alone shares its
batches among the cores instead (`training.sharing`).
"""

import dataclasses
import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, PyTree, UInt32

from gradlab.process import cores, crowded
from gradlab.training.network import build_network
from gradlab.training.order import PADDING, batch_order, steps_per_epoch
from gradlab.training.packing import unpack_on_host
from gradlab.training.plan import (
    Plan,
    Program,
    Run,
    learning_rates,
    start_words,
    times_of_probes,
)
from gradlab.training.population import (
    HISTORY,
    NOT_DIVERGED,
    Control,
    Data,
    Members,
    Trained,
    initial_control,
    population,
)
from gradlab.training.precision import precision
from gradlab.training.probes import ENGINE, NO_PROBES, ProbeTimes
from gradlab.training.recipe import Recipe
from gradlab.training.sharing import IN_LINE, available_devices, everywhere, on_devices

Status = Literal["done", "early", "diverged"]


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What came of a run."""

    index: int
    """Position in the runs that were asked for."""
    status: Status
    epochs: int
    """Epochs trained."""
    best_epoch: int
    """Epoch (from 1) with the lowest validation loss; 0 if no loss was finite."""
    history: Float[np.ndarray, "epochs columns"]
    """Columns as in `population.HISTORY`; the score is the engine's mean a row."""
    weights: UInt32[np.ndarray, " words"]
    """Packed result; see `trained_network`."""
    seconds: float
    """Share of the calls that trained it."""
    probes: Float[np.ndarray, "points probe_columns"] | None = None
    """Measurements within, if the plan asked for them; see `probes.measured`."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A run between two calls: enough to go on with the same numbers."""

    state: UInt32[np.ndarray, " words"]
    best: UInt32[np.ndarray, " best_words"]
    control: Control
    history: Float[np.ndarray, "epochs columns"]
    seconds: float
    probes: Float[np.ndarray, "points probe_columns"] | None = None


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A program has been compiled."""

    position: int
    kinds: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Progressed:
    """A run that needs several calls has got on."""

    index: int
    checkpoint: Checkpoint


Event = Compiled | Progressed | RunResult


@dataclasses.dataclass
class _Member:
    index: int
    kind: int
    run: Run
    state: np.ndarray | None
    best: np.ndarray
    result: np.ndarray | None
    control: Control
    history: list[np.ndarray]
    seconds: float
    probes: list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class Executable:
    """A compiled program, and how many devices it is laid out over."""

    train: Any
    devices: int

    def __call__(self, members: Members, data: Data) -> Trained:
        """Train a block of members; `data` lies on all its devices."""
        if self.devices == 1:
            return jax.tree.map(np.asarray, self.train(members, data))
        with IN_LINE:
            return jax.tree.map(np.asarray, self.train(members, data))


def execute(
    plan: Plan,
    *,
    runs: Sequence[Run] | None = None,
    programs: dict[int, Executable] | None = None,
    workers: int | None = None,
    checkpoints: Mapping[int, Checkpoint] | None = None,
    side_by_side: bool = False,
    keep_ends: bool = False,
) -> Generator[Event, None, None]:
    """Train every run of a plan; yield what happens, each run's result as it comes.

    Closing the iterator (or Ctrl-C in the consumer) stops after the calls under way.

    Args:
        plan: From `plan`.
        runs: Train these instead of all; each of a structure that the plan holds.
        programs: Compiled programs by position, used and added to: hand the same dictionary in
            again to train more runs of the plan without compiling.
        workers: Threads; None takes the cores.
        checkpoints: Where to go on, by position of the run.
        side_by_side: `vmap` over members, for accelerators.
        keep_ends: Yield a run's last checkpoint too, before its result, so that it can be
            trained on.
    """
    data = device_data(plan)
    runs = plan.runs if runs is None else runs
    programs = {} if programs is None else programs
    placed: dict[int, list[_Member]] = {}
    for index, run in enumerate(runs):
        position, kind = plan.place(run.recipe)
        member = _member(plan, position, index, kind, run, (checkpoints or {}).get(index))
        placed.setdefault(position, []).append(member)
    for position, members in sorted(placed.items()):
        program = plan.programs[position]
        if position not in programs:
            began = time.perf_counter()
            devices = 1 if side_by_side else shared_by(program, len(members))
            programs[position] = compile_program(
                plan, program, data, side_by_side=side_by_side, devices=devices
            )
            yield Compiled(position, len(program.learners), time.perf_counter() - began)
        # Kind by kind, so that a block mostly runs one branch.
        members.sort(key=lambda member: member.kind)
        executable = programs[position]
        on_all = everywhere(data, executable.devices)
        yield from _run_program(
            plan, program, executable, on_all, workers or cores(), members, keep_ends
        )


def device_data(plan: Plan) -> Data:
    """Return the task as the arrays that every call shares, on the device once."""
    task, chunk = plan.task, plan.validation_chunk
    longest = max(1, *(len(validation) for _, validation in task.splits))
    n_chunks = -(-longest // chunk)
    validation = np.full((len(task.splits), n_chunks * chunk), PADDING, np.int32)
    for i, (_, rows) in enumerate(task.splits):
        validation[i, : len(rows)] = rows
    data = Data(
        x=task.x,
        y=task.y,
        weight=None if np.all(task.weight == 1) else task.weight,
        balanced=task.balanced_weight(),
        validation=validation.reshape(len(task.splits), n_chunks, chunk),
        shift=task.shift,
        scale=task.scale,
        fill=task.fill,
        lengths=task.lengths,
        probe=plan.probe_rows,
    )
    with precision(task.dtype):
        return jax.tree.map(jax.device_put, data)


def shared_by(program: Program, n_runs: int) -> int:
    """Return over how many devices a program is laid out that so many runs go through.

    Several runs have a core each, one after another, unless their layers couple the rows.
    """
    sharings = [learner.sharing for learner in program.learners if learner.sharing is not None]
    coupled = [sharing for sharing in sharings if sharing.coupled]
    chosen = coupled or (sharings if n_runs == 1 else [])
    most = max((sharing.shares(program.shape.batch_size) for sharing in chosen), default=1)
    return min(most, available_devices()) if most > 1 else 1


def compile_program(
    plan: Plan, program: Program, data: Data, *, side_by_side: bool = False, devices: int = 1
) -> Executable:
    """Return the compiled training of a block of the program's runs.

    Programs that compile to the same are compiled once a process: another fit on data of the same
    shape, in a grid search say, starts at once.
    """
    shape, layouts, dtype = program.shape, program.layouts, plan.task.dtype
    n = shape.members

    def of(dtype: Any, *sizes: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((n, *sizes), dtype)

    def like(leaf: Any) -> jax.ShapeDtypeStruct:
        return of(np.asarray(leaf).dtype, *np.shape(leaf))

    control = jax.tree.map(like, initial_control(1, None, dtype))
    members = Members(
        kind=of(np.int32),
        seed=of(np.uint32),
        split=of(np.int32),
        hyper=of(dtype, layouts.numbers),
        state=of(np.uint32, layouts.state_words),
        best=of(np.uint32, layouts.state_words),
        control=control,
        learning_rates=of(dtype, shape.epochs, shape.n_steps),
        order=of(np.int32, shape.epochs, shape.n_steps, shape.batch_size),
        probes=None if plan.probe_rows is None else jax.tree.map(like, NO_PROBES),
    )
    shared = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), data)
    skip_empty = any(
        steps_per_epoch(len(train), shape.batch_size) < shape.n_steps
        for train, _ in plan.task.splits
    )

    def compile_now() -> Any:
        train = population(
            program.learners, layouts, side_by_side=side_by_side, skip_empty=skip_empty
        )
        with precision(dtype):
            return Executable(on_devices(train, devices).lower(members, shared).compile(), devices)

    structure = tuple(learner.structure for learner in program.learners)
    arguments = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves((members, shared)))
    data_tree = jax.tree.structure(shared)
    key = (structure, layouts, data_tree, arguments, side_by_side, skip_empty, devices)
    if crowded():
        forget_programs()
    return _compiled(_Blueprint(key, compile_now))


@dataclasses.dataclass(frozen=True)
class _Blueprint:
    """A program that may be compiled already; equal ones compile to the same."""

    key: tuple
    compile: Callable[[], Any] = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=32)
def _compiled(blueprint: _Blueprint) -> Any:
    return blueprint.compile()


def forget_programs() -> None:
    """Let go of all compiled programs that nothing uses now, those of JAX's own caches too.

    The next use of one compiles it again, or reads it from the cache on disk.
    """
    _compiled.cache_clear()
    jax.clear_caches()


def trained_network(
    plan: Plan, recipe: Recipe, words: UInt32[np.ndarray, " words"]
) -> tuple[PyTree, PyTree]:
    """Return the network that a run ended with, and its layers' states."""
    arrays, states = unpack_on_host(words, plan.result_layout(recipe))
    task = plan.task
    template = build_network(recipe, task.interface, seed=None, dtype=task.dtype)
    return eqx.combine(arrays, eqx.filter(template, eqx.is_array, inverse=True)), states


def _run_program(
    plan: Plan,
    program: Program,
    train: Executable,
    data: Data,
    workers: int,
    members: list["_Member"],
    keep_ends: bool,
) -> Iterator[Event]:
    waiting = deque(members)
    lock, stop = threading.Lock(), threading.Event()
    events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    orders = _Orders(plan, program)

    def work() -> None:
        try:
            while not stop.is_set():
                with lock:
                    taken = min(program.shape.members, len(waiting))
                    block = [waiting.popleft() for _ in range(taken)]
                if not block:
                    break
                began = time.perf_counter()
                inputs = _stack(plan, program, block, orders)
                with precision(plan.task.dtype):
                    trained = train(inputs, data)
                _share(program, block, trained, time.perf_counter() - began)
                for member in block:
                    if member.control.active or keep_ends:
                        events.put(Progressed(member.index, _checkpoint(member)))
                    if member.control.active:
                        with lock:
                            # To the front: a run that has begun should end first.
                            waiting.appendleft(member)
                    else:
                        events.put(_result(member))
        except BaseException as error:
            events.put(error)
        finally:
            events.put(None)

    n_threads = workers if train.devices == 1 else 1
    threads = [threading.Thread(target=work, daemon=True) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            event = events.get()
            if event is None:
                left -= 1
            elif isinstance(event, BaseException):
                raise event
            else:
                yield event
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class _Orders:
    """The batch order of each (seed, split), made once for all runs that share it."""

    def __init__(self, plan: Plan, program: Program) -> None:
        self.plan, self.program = plan, program
        self.made: dict[tuple, np.ndarray] = {}
        self.lock = threading.Lock()

    def __call__(self, run: Run, first: int) -> np.ndarray:
        shape = self.program.shape
        key = (run.seed, run.split, first)
        with self.lock:
            if key not in self.made:
                if len(self.made) >= 64:
                    self.made.pop(next(iter(self.made)))
                self.made[key] = batch_order(
                    self.plan.task.splits[run.split][0],
                    seed=run.seed,
                    epochs=range(first, first + shape.epochs),
                    batch_size=shape.batch_size,
                    n_steps=shape.n_steps,
                    shuffle=run.recipe.shuffle,
                )
            return self.made[key]


def _member(
    plan: Plan, position: int, index: int, kind: int, run: Run, checkpoint: Checkpoint | None
) -> _Member:
    program, dtype = plan.programs[position], plan.task.dtype
    if checkpoint is not None:
        return _Member(
            index,
            kind,
            run,
            checkpoint.state,
            checkpoint.best,
            None,
            checkpoint.control,
            [checkpoint.history],
            checkpoint.seconds,
            [] if checkpoint.probes is None else [checkpoint.probes],
        )
    best = np.zeros(program.layouts.state_words, np.uint32)
    control = initial_control(run.recipe.epochs, run.recipe.patience, dtype)
    # The weights are made when the block is, so that a thousand waiting runs hold none.
    return _Member(index, kind, run, None, best, None, control, [], 0.0, [])


def _stack(plan: Plan, program: Program, block: list[_Member], orders: _Orders) -> Members:
    """Return the block as arrays, filled up with members that have nothing to do."""
    shape, layouts, dtype = program.shape, program.layouts, plan.task.dtype
    n = shape.members
    hyper = np.zeros((n, layouts.numbers), dtype)
    state = np.zeros((n, layouts.state_words), np.uint32)
    best = np.zeros((n, layouts.state_words), np.uint32)
    rates = np.zeros((n, shape.epochs, shape.n_steps), dtype)
    order = np.full((n, shape.epochs, shape.n_steps, shape.batch_size), PADDING, np.int32)
    kind, split = np.zeros(n, np.int32), np.zeros(n, np.int32)
    seed = np.zeros(n, np.uint32)
    idle = initial_control(0, None, dtype)._replace(active=np.bool_(False))
    controls = [member.control for member in block] + [idle] * (n - len(block))
    for i, member in enumerate(block):
        run, first = member.run, int(member.control.epoch)
        if member.state is None:
            member.state = start_words(program, member.kind, run, plan.task)
        names = program.learners[member.kind].hyper_names
        numbers = run.recipe.hyper()
        kind[i], seed[i], split[i] = member.kind, run.seed % 2**32, run.split
        hyper[i, : len(names)] = [numbers[name] for name in names]
        state[i, : len(member.state)], best[i, : len(member.best)] = member.state, member.best
        chosen = learning_rates(run.recipe, shape.n_steps)[first : first + shape.epochs]
        rates[i, : len(chosen)] = chosen
        order[i] = orders(run, first)
    control = Control(*(np.stack(column) for column in zip(*controls, strict=True)))
    times = None
    if plan.probe_rows is not None:
        each = [times_of_probes(plan, program, member.run) for member in block]
        each += [NO_PROBES] * (n - len(block))
        times = ProbeTimes(*(np.stack(column) for column in zip(*each, strict=True)))
    return Members(kind, seed, split, hyper, state, best, control, rates, order, times)


def _share(program: Program, block: list[_Member], trained: Any, seconds: float) -> None:
    """Give each member its part of what a call returned, without the padding of its kind."""
    layouts = program.layouts
    before = [int(member.control.epoch) for member in block]
    done = [int(trained.control.epoch[i]) - before[i] for i in range(len(block))]
    for i, member in enumerate(block):
        # A run goes on in any program that holds its kind, whatever else that program holds.
        words = layouts.states[member.kind].words
        member.state, member.best = trained.state[i, :words].copy(), trained.best[i, :words].copy()
        member.result = trained.result[i, : layouts.results[member.kind].words].copy()
        member.control = Control(*(column[i] for column in trained.control))
        member.history.append(trained.history[i, : done[i]].copy())
        if trained.probes is not None:
            probe = program.learners[member.kind].probe
            width = len(ENGINE) + (0 if probe is None else probe.numbers)
            rows = trained.probes[i, : trained.n_probes[i], :width]
            member.probes.append(rows.copy())
        member.seconds += seconds * done[i] / max(1, sum(done))


def _checkpoint(member: _Member) -> Checkpoint:
    assert member.state is not None
    history = np.concatenate(member.history)
    probes = np.concatenate(member.probes) if member.probes else None
    return Checkpoint(member.state, member.best, member.control, history, member.seconds, probes)


def _result(member: _Member) -> RunResult:
    control = member.control
    assert member.result is not None
    status: Status = "done"
    if control.diverged != NOT_DIVERGED:
        status = "diverged"
    elif control.epoch < control.epochs:
        status = "early"
    history = np.concatenate(member.history).reshape(-1, len(HISTORY))
    finite = np.isfinite(control.best_loss)
    return RunResult(
        index=member.index,
        status=status,
        epochs=int(control.epoch),
        best_epoch=int(control.best_epoch) + 1 if finite else 0,
        history=history,
        weights=member.result,
        seconds=member.seconds,
        probes=np.concatenate(member.probes) if member.probes else None,
    )
