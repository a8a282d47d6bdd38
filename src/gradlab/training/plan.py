"""From runs to groups to programs.

Runs of equal structure form a group; groups whose arrays have the same shapes share one program,
with a switch over kinds. Measured on two cores, a program of 19 kinds compiles in a quarter of the
time of 19 programs and runs as fast (`docs/decisions/0003`), so the planner splits only where
shapes force it, or on an accelerator, where a switch under `vmap` would compute every branch.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float, Int, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.module import Sequential
from gradlab.nn.reducers import Reducer
from gradlab.optim.schedules import SCHEDULES, warm_up
from gradlab.training.learner import Learner
from gradlab.training.network import build_network, network_table
from gradlab.training.order import steps_per_epoch
from gradlab.training.packing import Layout, pack_on_host
from gradlab.training.population import Layouts, layouts_of
from gradlab.training.precision import precision
from gradlab.training.probes import COST, PARTS, ProbeTimes, probe_rows, probe_times, sites_in
from gradlab.training.recipe import Recipe
from gradlab.training.sharing import ask_for_devices
from gradlab.training.supervised import initial_arrays, supervised
from gradlab.training.task import Task

MAX_KINDS = 64
"""Kinds in one program: past this, compilation takes so long that nothing seems to happen."""

CALL_SECONDS = 0.4
"""A call should last about this long: short enough for progress and Ctrl-C, long against the
0.2 ms that a call costs."""

SITE_SECONDS = 85e-6
"""Of a probe at each layer with weights, besides its passes through the network. Measured inside
training, where a probe finds its instructions and buffers cold; repeated at once it takes half."""

CALL_BYTES = 64 * 2**20
"""And its batch order and learning rates should take no more memory than this."""


@runtime_checkable
class Settings(Protocol):
    """What the engine asks of the settings of a learner that no `Recipe` describes.

    Two runs with equal `structure()` share a learner; `hyper()` holds its traced numbers.
    """

    @property
    def epochs(self) -> int:
        """Passes of the engine."""
        ...

    @property
    def patience(self) -> int | None:
        """See `Recipe`; None for learners that judge nothing."""
        ...

    @property
    def shuffle(self) -> bool:
        """Whether each epoch takes the rows in a new order."""
        ...

    def structure(self) -> tuple:
        """Return what decides the instructions, hashable."""
        ...

    def hyper(self) -> dict[str, float]:
        """Return the numbers that the learner names."""
        ...

    def learning_rates(self, n_steps: int) -> Float[np.ndarray, "epochs n_steps"]:
        """Return the learning rate of every step."""
        ...

    def start(self, seed: int, task: Task) -> PyTree:
        """Return the initial weights, NumPy arrays as the learner's `init` takes them."""
        ...


R = TypeVar("R", bound=Recipe | Settings)


@dataclasses.dataclass(frozen=True)
class Run(Generic[R]):
    """One training: a recipe, a seed (weights, order, masks) and a split of the task."""

    recipe: R
    seed: int
    split: int = 0

    def id(self, fingerprint: str) -> str:
        """Return a name that is equal exactly when recipe, seed, split and data are."""
        if not isinstance(self.recipe, Recipe):
            raise TypeError(f"Only runs of a recipe have a name; got {type(self.recipe).__name__}.")
        text = json.dumps(
            [self.recipe.describe(), self.seed, self.split, fingerprint], sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Shape:
    """The array sizes of one compiled program."""

    batch_size: int
    n_steps: int
    epochs: int
    """Epochs a call."""
    members: int
    """Runs a call."""


@dataclasses.dataclass(frozen=True)
class Program:
    """Groups that are compiled together, and the runs to put through."""

    shape: Shape
    recipes: tuple[Recipe, ...]
    """One for each kind; none for learners that no recipe describes."""
    learners: tuple[Learner, ...]
    layouts: Layouts


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will be compiled and trained."""

    task: Task
    runs: tuple[Run, ...]
    programs: tuple[Program, ...]
    places: dict[tuple, tuple[int, int]]
    """Program and kind of each structure."""
    validation_chunk: int
    probe_rows: Int[np.ndarray, "splits probe_rows"] | None = None
    """Rows that runs are measured on while they train; None to measure nothing."""
    probe_share: float = 0.0
    """Share of their time that this may take."""
    probe_least: int = 2
    """Times that each may be measured in any case."""

    @property
    def n_groups(self) -> int:
        """Groups of equal structure."""
        return len(self.places)

    def place(self, recipe: Recipe | Settings) -> tuple[int, int]:
        """Return which program, and which of its kinds, trains a recipe."""
        return self.places[recipe.structure()]

    def result_layout(self, recipe: Recipe | Settings) -> Layout:
        """Return how the result of a run of this recipe lies in its words."""
        program, kind = self.place(recipe)
        return self.programs[program].layouts.results[kind]


def plan(
    task: Task,
    runs: Sequence[Run],
    *,
    workers: int,
    side_by_side: bool = False,
    probes: bool = False,
    probe_share: float = COST,
    probe_least: int = 2,
) -> Plan:
    """Return the plan of a list of runs on a task.

    Args:
        task: The data.
        runs: What to train.
        workers: Threads that will call the programs.
        side_by_side: Plan for an accelerator: one kind a program.
        probes: Whether runs are measured while they train, see `gradlab.training.probes`.
        probe_share: Share of their time that this may take; there are fewer probes where each
            is dear against a step.
        probe_least: How often each may be measured whatever it takes.
    """
    ask_for_devices()
    largest = max(len(train) for train, _ in task.splits)
    if any(len(validation) == 0 for _, validation in task.splits) and any(
        run.recipe.patience is not None for run in runs
    ):
        raise RecipeError(
            "patience needs validation rows to watch, and this split has none. Give the validation "
            "part a share, or leave patience out."
        )
    by_batch: dict[int, dict[tuple, list[Recipe]]] = {}
    for run in runs:
        groups = by_batch.setdefault(_batch_size(run.recipe, largest), {})
        groups.setdefault(run.recipe.structure(), []).append(run.recipe)
    programs: list[Program] = []
    places: dict[tuple, tuple[int, int]] = {}
    most = 1 if side_by_side else MAX_KINDS
    for batch_size, groups in by_batch.items():
        structures = list(groups)
        for start in range(0, len(structures), most):
            chosen = structures[start : start + most]
            places.update({key: (len(programs), kind) for kind, key in enumerate(chosen)})
            members = [groups[key] for key in chosen]
            programs.append(_program(task, members, batch_size, workers, side_by_side))
    rows = probe_rows([train for train, _ in task.splits]) if probes else None
    more = {"probe_rows": rows, "probe_share": probe_share, "probe_least": probe_least}
    return Plan(task, tuple(runs), tuple(programs), places, validation_chunk(task), **more)


def validation_chunk(task: Task) -> int:
    """Return how many validation rows are scored at once: enough to be fast, few enough to fit."""
    longest = max(len(validation) for _, validation in task.splits)
    return max(1, min(longest, max(64, 2**20 // max(1, task.n_features))))


def learning_rates(recipe: Recipe | Settings, n_steps: int) -> Float[np.ndarray, "epochs n_steps"]:
    """Return the learning rate of every step of a run."""
    if not isinstance(recipe, Recipe):
        return recipe.learning_rates(n_steps)
    schedule = SCHEDULES[recipe.schedule]
    rates = schedule(recipe.rate(), recipe.epochs, n_steps, **recipe.family_parameters("schedule"))
    if recipe.warmup_epochs:
        rates = warm_up(rates, round(recipe.warmup_epochs * n_steps))
    return np.asarray(rates)


def start_words(program: Program, kind: int, run: Run, task: Task) -> np.ndarray:
    """Return the packed initial weights of a run."""
    if not isinstance(run.recipe, Recipe):
        return pack_on_host(run.recipe.start(run.seed, task), program.layouts.state_words)
    network = build_network(run.recipe, task.interface, seed=run.seed, dtype=task.dtype)
    if run.recipe.reduce != "none":
        network = with_reducer(network, task.reducers[run.recipe.reduce][run.split])
    return pack_on_host(initial_arrays(network), program.layouts.state_words)


def with_reducer(network: PyTree, fitted: Reducer) -> Sequential:
    """Return a network with the numbers of its fixed first layer."""
    layers = [fitted if isinstance(layer, Reducer) else layer for layer in network.layers]
    return Sequential(tuple(layers))


def times_of_probes(plan: Plan, program: Program, run: Run) -> ProbeTimes:
    """Return when a run is measured: a function of itself and its task, not of its company."""
    assert plan.probe_rows is not None
    recipe, shape = run.recipe, program.shape
    one, n_rows = _row_flops(recipe, plan.task), plan.probe_rows.shape[1]
    step = step_seconds(one * shape.batch_size)
    learner = program.learners[plan.place(recipe)[1]]
    sites = 0 if learner.probe is None else sites_in(learner.probe.numbers)
    probe = PARTS * step_seconds(one * n_rows / PARTS) + sites * SITE_SECONDS
    sharing = learner.sharing
    # Cores that share a batch all take the probe, and none of the rows goes faster for it.
    probe *= 1 if sharing is None else sharing.shares(shape.batch_size)
    affordable = plan.probe_share * recipe.epochs * shape.n_steps * step / probe
    affordable = max(affordable, float(plan.probe_least))
    return probe_times(shape.n_steps, recipe.epochs, affordable=affordable)


def step_seconds(flops: float) -> float:
    """Return the rough time of one step on a core."""
    return 10e-6 + flops / 50e9


def _row_flops(recipe: Recipe, task: Task) -> float:
    return 3.0 * sum(row.operations for row in network_table(recipe, task.interface))


def step_flops(program: Program, task: Task) -> float:
    """Return the rough arithmetic of one step: forward, and twice as much for the gradients."""
    rows = [_row_flops(recipe, task) for recipe in program.recipes]
    return max(rows) * program.shape.batch_size


def _batch_size(recipe: Recipe, n_rows: int) -> int:
    return n_rows if recipe.batch_size == "full" else min(recipe.batch_size, n_rows)


def _program(
    task: Task,
    groups: list[list[Recipe]],
    batch_size: int,
    workers: int,
    side_by_side: bool,
) -> Program:
    recipes = tuple(group[0] for group in groups)
    learners = tuple(
        supervised(recipe, task.interface, kind=task.kind, dtype=task.dtype) for recipe in recipes
    )
    with precision(task.dtype):
        layouts = layouts_of(learners, task.dtype)
    if layouts.state_words * 4 > 2**32:
        raise RecipeError(
            f"A run of this network holds {layouts.state_words * 4 / 2**30:.1f} GiB of weights and "
            "optimizer state; at most 4 GiB fit. Use fewer or narrower layers."
        )
    n_steps = steps_per_epoch(max(len(train) for train, _ in task.splits), batch_size)
    n_runs = sum(len(group) for group in groups)
    epochs = max(recipe.epochs for group in groups for recipe in group)
    draft = Program(Shape(batch_size, n_steps, 1, 1), recipes, learners, layouts)
    seconds = n_steps * step_seconds(step_flops(draft, task))
    per_epoch = n_steps * batch_size * 4
    epochs_a_call = int(min(epochs, max(1, CALL_SECONDS / seconds), max(1, CALL_BYTES / per_epoch)))
    if side_by_side:
        block = 2 ** int(math.log2(max(1, min(256, 2**31 // (8 * layouts.state_words)))))
    else:
        fit = CALL_SECONDS / (seconds * epochs_a_call)
        room = CALL_BYTES / max(4 * layouts.state_words, per_epoch * epochs_a_call)
        share = n_runs / (2 * workers)
        block = 2 ** int(math.log2(max(1, min(32, fit, room, share))))
    shape = Shape(batch_size, n_steps, epochs_a_call, block)
    return Program(shape, recipes, learners, layouts)


def default_side_by_side() -> bool:
    """Tell whether JAX runs on an accelerator."""
    ask_for_devices()
    return jax.default_backend() != "cpu"
