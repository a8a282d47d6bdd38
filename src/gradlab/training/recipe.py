"""A recipe: everything that decides one training run except the data and the seed."""

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import jax
import optax
from annotated_types import Interval
from pydantic import BeforeValidator, Field, field_validator, model_validator

from gradlab.errors import RecipeError, suggest
from gradlab.nn.activations import ACTIVATIONS
from gradlab.nn.augmentation import parse_augmentations
from gradlab.nn.initializers import INITIALIZERS
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.optim import OPTIMIZERS
from gradlab.optim.kind import OptimizerKind
from gradlab.optim.schedules import SCHEDULES
from gradlab.training.fields import (
    ActivationName,
    ActivationNames,
    InitName,
    LossName,
    NonNegativeNumber,
    NormName,
    Part,
    PositiveNumber,
    Rate,
    ScheduleName,
    Units,
    name_from,
    shown,
)
from gradlab.training.layers import (
    Activate,
    Block,
    CellName,
    Dense,
    Drop,
    Noise,
    Norm,
    Own,
    PoolingName,
    Size,
    Spec,
    parse_layers,
)
from gradlab.training.reduction import reduction_text

MAX_EPOCHS = 1_000_000
PROBABILITIES = ("sigmoid", "softmax")
"""Activations whose outputs lie between 0 and 1, so that a mean of them has a divergence."""


def _augmentations(value: Any) -> tuple[str, ...]:
    if value is None or value == "none":
        return ()
    if isinstance(value, str):
        value = [part.strip() for part in value.split("+")]
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(
            f"augment must be a list of texts, such as ['translate 0.1', 'mirror']; got "
            f"{shown(value)}."
        )
    parse_augmentations(value)
    return tuple(value)


def _decoder(value: Any) -> Any:
    if value in ("mirror", "tied", "none"):
        return value
    if isinstance(value, str):
        raise ValueError(
            f"decoder must be 'mirror', 'tied', 'none' or a list, one layer a line; got "
            f"{shown(value)}."
        )
    return parse_layers(value)


Layers = Annotated[Any, BeforeValidator(lambda v: None if v is None else parse_layers(v))]
ReductionText = Annotated[str, BeforeValidator(reduction_text)]
Augmentations = Annotated[tuple[str, ...], BeforeValidator(_augmentations)]


class Recipe(Part):
    """How a network is built and trained.

    `hidden=(64, 64)` is short for two dense layers; `layers` names them one by one, as texts
    ("conv 32 3x3", see `gradlab.training.layers`) or specifications, and may override
    `activation`, `norm`, `init`, `dropout`, `noise`, `kernel`, `pooling` and `cell` for each. A
    parameter of a technique stands in `parameters` as "optimizer.beta1", "activation.slope",
    "init.std", "norm.epsilon", "schedule.factor".

    Args:
        hidden: Units of each hidden layer; () is a linear model.
        layers: Layers one by one, or the name of a preset ("lenet", "vgg", "recurrent", "text"),
            instead of `hidden`.
        reduce: What becomes of a table's columns before the network, fitted to training rows
            alone: "pca:0.7" keeps components with 70 % of the variance, "pca:10" ten; see
            `gradlab.training.reduction.METHODS`; "none" for nothing.
        activation: Name, or one name for each dense or convolutional layer.
        norm: Normalisation between a layer's weights and its activation.
        init: Initialiser of the weights; biases start at zero.
        dropout: Share of hidden units dropped in training, 0 <= dropout <= 1.
        noise: Standard deviation of Gaussian noise on hidden units in training.
        kernel: Window of convolutions that name none.
        pooling: Kind of pooling layers that name none.
        cell: Kind of recurrent layers that name none.
        augment: Changes of the training images, such as ("translate 0.1", "mirror"), also written
            "translate 0.1 + mirror"; "none" for none.
        input_noise: Standard deviation of Gaussian noise on the (scaled) inputs in training.
        decoder: How an autoencoder leads back from its code, the output of the last layer:
            "mirror" undoes the layers one by one, "tied" does so with their own weights transposed,
            "none" has the output layer alone, and a list names layers to stand before it.
        output_activation: Of an autoencoder's output layer.
        sparsity: Wanted mean activation ρ of each unit of an autoencoder's code, for which λ Σ_j
            KL(ρ ‖ ρ̂_j) is added to the loss; None for none. It needs a sigmoid there.
        sparsity_weight: λ.
        loss: Name, or "auto": cross-entropy for classes, squared error for numbers. Keras's names
            of these are understood ("mse", "categorical_crossentropy", …).
        optimizer: Name, or any `optax.GradientTransformation`.
        learning_rate: Step size; None takes the technique's usual value. AdaDelta and an Optax
            transformation of your own take it as a multiplier of their steps.
        schedule: How the learning rate changes over the run.
        warmup_epochs: Epochs over which the rate rises linearly from zero.
        l1: λ of the penalty λ Σ|w| on weights, in the loss.
        l2: λ of the penalty ½ λ Σ w² on weights, in the loss.
        weight_decay: Decoupled decay: w ← w (1 - learning_rate · weight_decay) each step; None is
            0, but 0.01 for AdamW and the value of its paper for Lion.
        clip_value: Clip each gradient element to ± this.
        clip_norm: Scale the gradient down to this global norm.
        batch_size: Rows a step, or "full" for all of them.
        shuffle: Draw a new order of the rows each epoch.
        epochs: Passes over the training part.
        patience: Stop after this many epochs without a lower validation loss and keep the best
            weights; None trains all epochs and keeps the last.
        class_weight: "balanced" weighs classes inversely to their frequency.
        parameters: Numbers of the techniques, "family.name" to value.

    Raises:
        RecipeError: For an unknown field, technique or parameter, or a value out of range.

    >>> Recipe(optimizer="adam", parameters={"optimizer.beta1": 0.95}).hyper()["optimizer.beta1"]
    0.95
    """

    hidden: tuple[Units, ...] = (64,)
    layers: Layers = None
    reduce: ReductionText = "none"
    activation: ActivationNames = "relu"
    norm: NormName = "none"
    init: InitName = "he_normal"
    dropout: Rate = 0.0
    noise: NonNegativeNumber = 0.0
    kernel: Size = 3
    pooling: PoolingName = "max"
    cell: CellName = "lstm"
    augment: Augmentations = ()
    input_noise: NonNegativeNumber = 0.0
    decoder: Annotated[Any, BeforeValidator(_decoder)] = "mirror"
    output_activation: ActivationName = "linear"
    sparsity: Annotated[float, Field(gt=0, lt=1)] | None = None
    sparsity_weight: NonNegativeNumber = 1.0
    loss: LossName = "auto"
    optimizer: Any = "adam"
    learning_rate: PositiveNumber | None = None
    schedule: ScheduleName = "constant"
    warmup_epochs: NonNegativeNumber = 0.0
    l1: NonNegativeNumber = 0.0
    l2: NonNegativeNumber = 0.0
    weight_decay: NonNegativeNumber | None = None
    clip_value: PositiveNumber | None = None
    clip_norm: PositiveNumber | None = None
    batch_size: Annotated[int, Field(ge=1)] | Literal["full"] = 32
    shuffle: bool = True
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 30
    patience: Annotated[int, Field(ge=1)] | None = None
    class_weight: Literal["balanced"] | None = None
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict)

    @field_validator("optimizer", mode="before")
    @classmethod
    def _known_optimizer(cls, value: Any) -> Any:
        if isinstance(value, optax.GradientTransformation | OptimizerKind):
            return value
        return name_from("optimizer", OPTIMIZERS)(value)

    @field_validator("hidden", "kernel", mode="before")
    @classmethod
    def _tuple_from_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _coherent(self) -> "Recipe":
        blocks = [spec for spec in self._written() if isinstance(spec, Block)]
        if isinstance(self.activation, tuple) and len(self.activation) != len(blocks):
            raise ValueError(
                f"activation names {len(self.activation)} layers, but the network has "
                f"{len(blocks)} hidden layers; give one name for all or one for each."
            )
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs:g} is longer than epochs={self.epochs}."
            )
        if self.patience is not None and self.patience >= self.epochs:
            raise ValueError(
                f"patience={self.patience} never stops a run of epochs={self.epochs}; "
                "give fewer, or patience=None."
            )
        for key, value in self.parameters.items():
            _check_parameter(key, value, self._techniques())
        if self.sparsity is not None:
            names = [a for spec in self.specs() if (a := getattr(spec, "activation", None))]
            if not names or names[-1] not in PROBABILITIES:
                raise ValueError(
                    f"sparsity={self.sparsity:g} is a mean of numbers between 0 and 1, but the "
                    f"code's activation is {names[-1] if names else 'none'}; take sigmoid."
                )
        return self

    def __hash__(self) -> int:
        """Hash by content, as equality goes by content."""
        return hash((self.structure(), tuple(sorted(self.hyper().items())), self.epochs))

    def replace(self, **changes: Any) -> "Recipe":
        """Return a copy with some fields changed; "optimizer.beta1" changes a parameter.

        A parameter of a technique that is replaced does not survive it.

        >>> Recipe().replace(dropout=0.5, **{"optimizer.beta1": 0.8}).dropout
        0.5
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        parameters = dict(self.parameters)
        if "hidden" in changes and "layers" not in changes:
            fields["layers"] = None
        for family in ("optimizer", "activation", "init", "norm", "schedule"):
            if family in changes and changes[family] != fields[family]:
                parameters = {k: v for k, v in parameters.items() if not k.startswith(f"{family}.")}
                if family == "optimizer" and "learning_rate" not in changes:
                    fields["learning_rate"] = None
        numbers = {key: value for key, value in changes.items() if "." in key}
        fields |= {key: value for key, value in changes.items() if "." not in key}
        parameters = changes.get("parameters", parameters)
        if numbers and isinstance(parameters, Mapping):
            parameters = {**parameters, **numbers}
        return Recipe(**{**fields, "parameters": parameters})

    def given_layers(self) -> tuple[Spec, ...]:
        """Return the layers as they were written, `hidden` as dense ones."""
        if self.layers is not None:
            return self.layers
        return tuple(Dense(units=units) for units in self.hidden)

    def specs(self) -> tuple[Spec, ...]:
        """Return the layers but the last, the output, with every field filled in."""
        return self._filled()[: len(self.given_layers())]

    def decoder_specs(self) -> tuple[Spec, ...]:
        """Return the layers that `decoder` names, with every field filled in."""
        return self._filled()[len(self.given_layers()) :]

    def _written(self) -> tuple[Spec, ...]:
        own = self.decoder if isinstance(self.decoder, tuple) else ()
        return (*self.given_layers(), *own)

    def _filled(self) -> tuple[Spec, ...]:
        given = self._written()
        n_blocks = sum(isinstance(spec, Block) for spec in given)
        names = iter(
            self.activation if isinstance(self.activation, tuple) else (self.activation,) * n_blocks
        )
        defaults = {
            name: getattr(self, name)
            for name in ("norm", "init", "dropout", "noise", "kernel", "pooling", "cell")
        }
        filled = []
        for spec in given:
            own = {**defaults, "activation": next(names)} if isinstance(spec, Block) else defaults
            missing = {
                name: own[name]
                for name in type(spec).model_fields
                if name in own and getattr(spec, name) is None
            }
            filled.append(spec.model_copy(update=missing))
        return tuple(filled)

    @property
    def sees_shape(self) -> bool:
        """Whether a layer looks at an example as an image or a sequence, not as a row."""
        flat = Dense | Norm | Activate | Drop | Noise
        return bool(self.augment) or any(not isinstance(s, flat) for s in self.given_layers())

    def optimizer_kind(self) -> OptimizerKind:
        """Return the optimizer's row in OPTIMIZERS, or the wrapped Optax transformation."""
        if isinstance(self.optimizer, str):
            return OPTIMIZERS[self.optimizer]
        if isinstance(self.optimizer, OptimizerKind):
            return self.optimizer
        from gradlab.optim import custom

        return custom(self.optimizer)

    def rate(self) -> float:
        """Return the learning rate, the technique's usual one if none was given."""
        return (
            self.optimizer_kind().learning_rate
            if self.learning_rate is None
            else self.learning_rate
        )

    def family_parameters(self, family: str) -> dict[str, Any]:
        """Return the parameters given for one family, without its prefix."""
        prefix = f"{family}."
        return {k[len(prefix) :]: v for k, v in self.parameters.items() if k.startswith(prefix)}

    def hyper(self) -> dict[str, float]:
        """Return the traced numbers of a run: what may differ within a group."""
        kind = self.optimizer_kind()
        given = self.family_parameters("optimizer")
        numbers = {
            f"optimizer.{name}": float(given.get(name, default))
            for name, default in keyword_parameters(kind.factory).items()
            if is_number(kind.factory, name)
        }
        if "optimizer.weight_decay" in numbers:
            if self.weight_decay is not None:
                numbers["optimizer.weight_decay"] = self.weight_decay
        elif self.weight_decay:
            numbers["weight_decay"] = self.weight_decay
        for name in ("l1", "l2", "clip_value", "clip_norm"):
            if getattr(self, name):
                numbers[name] = getattr(self, name)
        if self.sparsity is not None:
            numbers |= {"sparsity": self.sparsity, "sparsity_weight": self.sparsity_weight}
        return numbers

    def structure(self) -> tuple:
        """Return what decides the shape of the computation: runs that share it share a program.

        It depends on the recipe alone, never on the group, so that a run compiles to the same
        instructions whatever it is trained beside.
        """
        kind = self.optimizer_kind()
        static = {
            name: self.family_parameters("optimizer").get(name, default)
            for name, default in keyword_parameters(kind.factory).items()
            if not is_number(kind.factory, name)
        }
        layers = tuple(spec.structure() for spec in self.specs())
        of_layers = {
            k: v
            for k, v in self.parameters.items()
            # Numbers are traced in the layer; a given one is another tree than a default one.
            if k.startswith(("norm.", "activation."))
            for v in [None if self._is_traced(k) else v]
        }
        return (
            layers,
            self.reduce,
            tuple(spec.structure() for spec in self.decoder_specs()) or str(self.decoder),
            self.output_activation,
            jax.tree.structure(parse_augmentations(self.augment)),
            bool(self.input_noise),
            tuple(sorted(of_layers.items())),
            # A kind of a user's own is one group by itself; two are equal if their functions are.
            kind.name if kind.name in OPTIMIZERS else (kind.name, self.optimizer),
            tuple(sorted(static.items())),
            tuple(sorted(name for name in self.hyper() if not name.startswith("optimizer."))),
            self.loss,
            self.batch_size,
            self.shuffle,
            self.patience is not None,
            self.class_weight,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that differ from the defaults, as plain TOML-able data.

        Raises:
            RecipeError: If the optimizer, or a layer, is an object that a file can't hold.
        """
        for spec in self.given_layers():
            if isinstance(spec, Own) and not spec.is_importable():
                raise RecipeError(
                    f"The layer '{spec.text()}' can't be imported by its name, so a recipe that "
                    "holds it can't be written to a file. Define its function at the top of a "
                    "module that Python finds."
                )
        if not isinstance(self.optimizer, str):
            raise RecipeError(
                "This recipe holds an optimizer object, which can't be written to a file. "
                "Name one of " + ", ".join(OPTIMIZERS) + " to save or resume it."
            )
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """Return the same as `to_dict`, with the name of an optimizer object in its place."""
        fields = self.model_dump(exclude_defaults=True, exclude={"optimizer"})
        kind = self.optimizer_kind()
        if kind.name != "adam":
            fields["optimizer"] = kind.name
        if self.layers is not None:
            fields["layers"] = [spec.text() for spec in self.layers]
        if isinstance(self.decoder, tuple):
            fields["decoder"] = [spec.text() for spec in self.decoder]
        return {
            k: list(v) if isinstance(v, tuple) else v for k, v in fields.items() if v is not None
        }

    def _is_traced(self, key: str) -> bool:
        family, _, name = key.partition(".")
        owners = [t for t in self._techniques()[family].values() if name in keyword_parameters(t)]
        return all(is_number(owner, name) for owner in owners if owner is not None)

    def _techniques(self) -> Mapping[str, Mapping[str, Callable | None]]:
        def used(field: str, family: Mapping[str, Any]) -> dict[str, Any]:
            given = (getattr(spec, field, None) for spec in self._filled())
            names = {name for name in given if name is not None}
            if field == "activation" and self.output_activation != "linear":
                names.add(self.output_activation)
            return {name: family[name] for name in sorted(names)}

        return {
            "optimizer": {self.optimizer_kind().name: self.optimizer_kind().factory},
            "activation": used("activation", ACTIVATIONS),
            "init": used("init", INITIALIZERS) or {self.init: INITIALIZERS[self.init]},
            "norm": used("norm", NORMALIZATIONS),
            "schedule": {self.schedule: SCHEDULES[self.schedule]},
        }


@functools.cache
def keyword_parameters(technique: Callable | None) -> Mapping[str, Any]:
    """Return the keyword-only parameters of a technique with their defaults.

    >>> def leaky(x, *, slope=0.01): ...
    >>> dict(keyword_parameters(leaky))
    {'slope': 0.01}
    """
    if technique is None:
        return MappingProxyType({})
    return MappingProxyType(
        {
            name: parameter.default
            for name, parameter in inspect.signature(technique).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
        }
    )


def is_number(technique: Callable, name: str) -> bool:
    """Tell whether a parameter is a traced number (it has a range), not a choice or a size."""
    return _interval(technique, name) is not None


@functools.cache
def _interval(technique: Callable, name: str) -> Interval | None:
    hint = _hints(technique).get(name)
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Interval):
            return extra
    return None


def _hints(technique: Callable) -> dict[str, Any]:
    target = technique.__init__ if inspect.isclass(technique) else technique
    return typing.get_type_hints(inspect.unwrap(target), include_extras=True)


def _check_parameter(
    key: str, value: Any, techniques: Mapping[str, Mapping[str, Callable | None]]
) -> None:
    family, _, name = key.partition(".")
    if family not in techniques or not name:
        raise ValueError(
            f"Unknown parameter '{key}'. A parameter is written family.name with a family of "
            f"{', '.join(techniques)}; for example optimizer.beta1=0.95."
        )
    owners = {
        n: t
        for n, t in techniques[family].items()
        if t is not None and name in keyword_parameters(t)
    }
    if not owners:
        known = sorted({p for t in techniques[family].values() for p in keyword_parameters(t)})
        used = " and ".join(techniques[family]) or "none"
        raise ValueError(
            f"'{used}' has no parameter '{name}'.{suggest(name, known)} "
            f"It has: {', '.join(known) or 'none'}."
        )
    for owner, technique in owners.items():
        _check_value(key, value, owner, technique, name)


def _check_value(key: str, value: Any, owner: str, technique: Callable, name: str) -> None:
    hint, interval = _hints(technique).get(name), _interval(technique, name)
    if interval is None:
        choices = typing.get_args(hint) or (hint,)
        if not any(type(value) is c or (isinstance(c, str | int) and value == c) for c in choices):
            names = [c.__name__ if isinstance(c, type) else repr(c) for c in choices]
            wanted = " or ".join(names).replace("NoneType", "None")
            raise ValueError(f"{key} of {owner} must be {wanted}; got {shown(value)}.")
        return
    # Not math.isfinite, which fails on an int that no float can hold.
    if isinstance(value, bool | str) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{key} of {owner} must be a finite number; got {shown(value)}.")
    if (
        typing.get_origin(hint) is Annotated
        and typing.get_args(hint)[0] is int
        and value != int(value)
    ):
        raise ValueError(f"{key} of {owner} must be a whole number; got {value!r}.")
    bounds = [
        (interval.ge, value >= interval.ge if interval.ge is not None else True, ">="),  # type: ignore[operator]
        (interval.gt, value > interval.gt if interval.gt is not None else True, ">"),  # type: ignore[operator]
        (interval.le, value <= interval.le if interval.le is not None else True, "<="),  # type: ignore[operator]
        (interval.lt, value < interval.lt if interval.lt is not None else True, "<"),  # type: ignore[operator]
    ]
    if not all(holds for _, holds, _ in bounds):
        wanted = " and ".join(f"{sign} {bound:g}" for bound, _, sign in bounds if bound is not None)
        raise ValueError(f"{key} of {owner} must be {wanted}; got {value!r}.")
