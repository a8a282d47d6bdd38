"""How a GAN is trained: everything that decides its numbers besides data and seed."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from gradlab.errors import RecipeError, unknown
from gradlab.generative.gan.losses import LOSSES
from gradlab.generative.gan.noise import PRIORS
from gradlab.generative.gan.pairs import Pair
from gradlab.nn.module import Sequential
from gradlab.optim.kind import OptimizerKind
from gradlab.optim.optimizers import optimizer_kind
from gradlab.training.recipe import is_number, keyword_parameters
from gradlab.training.task import Task

LONGEST_LAP = 0.7
"""Seconds, about, that a lap of the largest networks should take: Ctrl-C waits for its end."""

FLOPS = 60e9
"""Products and sums a second that convolutions of both networks come to on a core or two."""


@dataclasses.dataclass(frozen=True)
class AdversarialSettings:
    """The settings of one training; two with equal `structure()` share a compiled program.

    Args:
        pair: The networks.
        n_rows: Rows of the data.
        prior: Of the noise, a name in PRIORS.
        loss: Of the generator, a name in LOSSES; traced.
        discriminator_steps: k, discriminator steps before each of the generator.
        label_smoothing: ε of `discriminator_loss`; traced.
        instance_noise: σ of normal noise on real and generated rows before they are judged,
            falling linearly to 0 over the training; traced, unless it is 0.
        reuse_noise: Whether the generator's step takes the rows that the discriminator has just
            judged, which saves making new ones; False draws new noise, as Algorithm 1 does.
        average: β of the running mean of the generator's weights, which rows are then made with;
            traced, unless it is 0 (the last weights).
        optimizer: Name, of both networks.
        learning_rate: Of the discriminator; traced.
        generator_learning_rate: Of the generator; traced.
        parameters: Of the optimizer, by name; numbers are traced.
        batch_size: m, rows of the data, and as many generated ones, a step.
        passes: Epochs over the data, each as many rows as there are.

    Numbers are `Any` because `check` looks at them, with a better message.
    """

    pair: Pair
    n_rows: int
    prior: str = "normal"
    loss: str = "non_saturating"
    discriminator_steps: Any = 1
    label_smoothing: Any = 0.0
    instance_noise: Any = 0.0
    reuse_noise: bool = False
    average: Any = 0.0
    optimizer: str = "adam"
    learning_rate: Any = 0.001
    generator_learning_rate: Any = 0.001
    parameters: tuple[tuple[str, Any], ...] = ()
    batch_size: Any = 64
    passes: Any = 10

    @property
    def rows_a_step(self) -> int:
        """k m, fewer where the data has fewer rows."""
        m = max(1, min(self.batch_size, self.n_rows // self.discriminator_steps))
        return m * self.discriminator_steps

    @property
    def laps(self) -> int:
        """Parts of an epoch that one call of the program takes; 1 but for slow networks.

        A lap is a random sample of the rows without repetition, and laps begin anew.
        """
        steps = max(1, self.n_rows // self.rows_a_step)
        # Forward, both gradients of the discriminator twice, and back through both.
        flops = 6 * self.pair.operations() * self.rows_a_step
        return min(steps, -(-steps // max(1, int(LONGEST_LAP * FLOPS / flops))))

    @property
    def steps(self) -> int:
        """Steps of a lap; rows that fill no batch wait for another epoch."""
        return max(1, self.n_rows // self.rows_a_step) // self.laps

    @property
    def epochs(self) -> int:
        """Laps in all, which are the engine's epochs."""
        return self.passes * self.laps

    @property
    def patience(self) -> None:
        """None: nothing says that a GAN has learnt enough."""
        return None

    @property
    def shuffle(self) -> bool:
        """Rows come in a new order every lap."""
        return True

    @property
    def kind(self) -> OptimizerKind:
        """The optimizer."""
        return optimizer_kind(self.optimizer)

    def traced_parameters(self) -> dict[str, float]:
        """Return the optimizer's numbers."""
        factory = self.kind.factory
        return {k: float(v) for k, v in self.parameters if is_number(factory, k)}

    def fixed_parameters(self) -> dict[str, Any]:
        """Return the optimizer's parameters that are part of the program."""
        return {k: v for k, v in self.parameters if not is_number(self.kind.factory, k)}

    def hyper(self) -> dict[str, float]:
        """Return the traced numbers."""
        numbers = {
            "generator_learning_rate": float(self.generator_learning_rate),
            "non_saturating": LOSSES[self.loss],
            "label_smoothing": float(self.label_smoothing),
        }
        if self.instance_noise:
            numbers["instance_noise"] = float(self.instance_noise)
        if self.average:
            numbers["average"] = float(self.average)
        return numbers | {f"optimizer.{k}": v for k, v in self.traced_parameters().items()}

    def structure(self) -> tuple:
        """Return what decides the compiled program."""
        return (
            "adversarial",
            self.pair,
            self.prior,
            self.discriminator_steps,
            self.reuse_noise,
            self.kind.name,
            tuple(sorted(self.fixed_parameters().items())),
            tuple(sorted(self.hyper())),
            self.rows_a_step,
            self.steps,
            self.epochs,
        )

    def learning_rates(self, n_steps: int) -> Float[np.ndarray, "epochs n_steps"]:
        """Return the discriminator's rate, the same at every step."""
        return np.full((self.epochs, n_steps), float(self.learning_rate))

    def start(self, seed: int, task: Task) -> PyTree:
        """Return the arrays of both networks."""
        return arrays_of(self.pair.build(seed))

    def check(self) -> None:
        """Refuse settings that make no sense.

        Raises:
            RecipeError: Naming the setting.
        """
        if self.prior not in PRIORS:
            raise RecipeError(unknown("prior", self.prior, PRIORS))
        if self.loss not in LOSSES:
            raise RecipeError(unknown("loss", self.loss, LOSSES))
        counts = {
            "noise_size": self.pair.noise_size,
            "discriminator_steps": self.discriminator_steps,
            "batch_size": self.batch_size,
            "epochs": self.passes,
        }
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise RecipeError(f"{name} is a whole number from 1; got {count!r}.")
        if self.discriminator_steps > self.n_rows:
            raise RecipeError(
                f"discriminator_steps={self.discriminator_steps} needs as many rows; the data has "
                f"{self.n_rows}. Take fewer."
            )
        for name in ("learning_rate", "generator_learning_rate"):
            rate = getattr(self, name)
            if not _is_finite(rate) or rate < 0:
                raise RecipeError(f"{name} is a number of at least 0; got {rate!r}.")
        if not _is_finite(self.label_smoothing) or not 0 <= self.label_smoothing < 0.5:
            raise RecipeError(
                "label_smoothing lowers the label 1 of real rows, by 0 to less than 0.5; got "
                f"{self.label_smoothing!r}."
            )
        if not _is_finite(self.instance_noise) or self.instance_noise < 0:
            raise RecipeError(f"instance_noise is at least 0; got {self.instance_noise!r}.")
        if not _is_finite(self.average) or not 0 <= self.average < 1:
            raise RecipeError(f"average is a share from 0 to less than 1; got {self.average!r}.")
        known = keyword_parameters(self.kind.factory)
        for name, _ in self.parameters:
            if name not in known:
                raise RecipeError(unknown(f"parameter of {self.kind.name}", name, known))


def optimizer_parameters(parameters: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Return parameters written as in recipes, {"optimizer.beta1": 0.5}, by the optimizer's names.

    Raises:
        RecipeError: If one is of another technique.

    >>> optimizer_parameters({"optimizer.beta1": 0.5})
    (('beta1', 0.5),)
    """
    found = []
    for name, value in (parameters or {}).items():
        family, _, own = name.partition(".")
        if family != "optimizer" or not own:
            raise RecipeError(
                f"parameters of a GAN are its optimizer's, such as 'optimizer.beta1'; got {name!r}."
            )
        found.append((own, value))
    return tuple(sorted(found))


def arrays_of(pair: tuple[Sequential, Sequential]) -> PyTree:
    """Return the arrays of two networks as NumPy's, and None for all else."""
    return jax.tree.map(lambda leaf: np.asarray(leaf) if _is_array(leaf) else None, pair)


@functools.lru_cache(maxsize=32)
def template(pair: Pair) -> tuple[Sequential, Sequential]:
    """Return both networks with zeros for weights, JAX arrays."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if _is_array(leaf) else leaf, pair.build(None)
    )


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | jax.Array)


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(np.isfinite(value))
