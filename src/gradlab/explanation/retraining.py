"""A run trained again from its seed, an epoch or a part of one at a time, to the same numbers."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from gradlab.training.executors import device_data
from gradlab.training.order import PADDING, batch_order, steps_per_epoch
from gradlab.training.packing import unpack_on_host
from gradlab.training.plan import Plan, Program, Run, learning_rates, plan, start_words
from gradlab.training.population import Control, Data, Members, initial_control, population
from gradlab.training.precision import precision
from gradlab.training.task import Task


@dataclasses.dataclass
class Stand:
    """A run between two epochs."""

    words: np.ndarray
    best: np.ndarray
    control: Control
    history: list[Float[np.ndarray, " columns"]]
    result: np.ndarray | None = None


class Retraining:
    """One run, trained an epoch or a part of one at a time."""

    def __init__(self, task: Task, run: Run) -> None:
        """Prepare its programs; each compiles when it is first called."""
        planned = plan(task, [run], workers=1)
        self.plan: Plan = planned
        self.run = run
        self.program: Program = planned.programs[0]
        self.data: Data = device_data(planned)
        self.rates = learning_rates(run.recipe, self.program.shape.n_steps)
        learners, layouts = self.program.learners, self.program.layouts
        shape = self.program.shape
        short = any(  # as the program that trained it
            steps_per_epoch(len(train), shape.batch_size) < shape.n_steps
            for train, _ in planned.task.splits
        )
        self._whole = jax.jit(population(learners, layouts, skip_empty=short))
        self._part = jax.jit(population(learners, layouts, skip_empty=True))

    @property
    def task(self) -> Task:
        """Of the plan."""
        return self.plan.task

    def order(self, epoch: int) -> Int[np.ndarray, "epochs steps batch"]:
        """Return the rows of every batch of an epoch."""
        shape = self.program.shape
        return batch_order(
            self.task.splits[self.run.split][0],
            seed=self.run.seed,
            epochs=range(epoch, epoch + 1),
            batch_size=shape.batch_size,
            n_steps=shape.n_steps,
            shuffle=self.run.recipe.shuffle,
        )

    def start(self) -> Stand:
        """Return the run before its first step."""
        words = start_words(self.program, 0, self.run, self.task)
        control = initial_control(self.run.recipe.epochs, self.run.recipe.patience, self.task.dtype)
        return Stand(words, np.zeros_like(words), control, [])

    def epochs(self, count: int, begun: Stand | None = None) -> Stand:
        """Train until so many epochs are done, or the run ends."""
        stand = begun or self.start()
        while bool(stand.control.active) and int(stand.control.epoch) < count:
            epoch = int(stand.control.epoch)
            stand = self._one(self._whole, stand, epoch, self.order(epoch))
        return stand

    def part(self, begun: Stand, epoch: int, steps: int) -> Stand:
        """Train the first so many steps of an epoch."""
        order = self.order(epoch)
        order[:, steps:] = PADDING
        return self._one(self._part, begun, epoch, order)

    def _one(self, train: Any, stand: Stand, epoch: int, order: np.ndarray) -> Stand:
        dtype, layouts = self.task.dtype, self.program.layouts
        numbers = self.run.recipe.hyper()
        hyper = np.zeros((1, layouts.numbers), dtype)
        names = self.program.learners[0].hyper_names
        hyper[0, : len(names)] = [numbers[name] for name in names]
        members = Members(
            kind=np.zeros(1, np.int32),
            seed=np.array([self.run.seed % 2**32], np.uint32),
            split=np.array([self.run.split], np.int32),
            hyper=hyper,
            state=stand.words[None],
            best=stand.best[None],
            control=Control(*(np.asarray(part)[None] for part in stand.control)),
            learning_rates=self.rates[None, epoch : epoch + 1].astype(dtype),
            order=order[None],
        )
        with precision(dtype):
            trained = jax.tree.map(np.asarray, train(members, self.data))
        return Stand(
            trained.state[0],
            trained.best[0],
            Control(*(part[0] for part in trained.control)),
            [*stand.history, trained.history[0, 0]],
            trained.result[0],
        )

    def state(self, stand: Stand) -> Any:
        """Return weights, layers' states and optimizer's state."""
        return unpack_on_host(stand.words, self.program.layouts.states[0])
