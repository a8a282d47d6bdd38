"""The words of a training program: its layers, loss, optimizer and the rest, as others write it.

The fields and their names are those of case files (`gradlab.doctor.program.cases`). What a number
is left out for has the value that the common libraries give it.
"""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gradlab.errors import DataError, suggest


class Words(BaseModel):
    """Base of all parts: immutable, and every word known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def __hash__(self) -> int:
        """Return equal numbers for equal words: structures are keys of compiled programs."""
        return hash((type(self), *self.__dict__.values()))


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _loss(value: Any) -> Any:
    """Return a loss that is given by its name alone, guarded as the libraries do."""
    if not isinstance(value, str):
        return value
    guarded = "crossentropy" in value or value == "kullback_leibler_divergence"
    return {"name": value, "clip": 1e-7 if guarded else None}


def _pair(value: Any) -> Any:
    return [value, value] if isinstance(value, int) else value


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


Positive = Annotated[int, Field(ge=1)]
Pair = Annotated[tuple[Positive, Positive], BeforeValidator(_pair)]
Single = Annotated[Positive, BeforeValidator(_single)]
Rate = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0)]
Padding = Literal["valid", "same"]

ActivationName = Literal[
    "linear",
    "relu",
    "sigmoid",
    "tanh",
    "softmax",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "exponential",
    "leaky_relu",
    "relu6",
    "gelu",
    "swish",
    "silu",
    "mish",
    "log_softmax",
    "hard_tanh",
    "sine",
    "step",
]
InitName = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_normal",
    "truncated_normal",
    "random_uniform",
    "constant",
    "zeros",
    "ones",
    "orthogonal",
    "identity",
]


class Init(Words):
    """Starting weights."""

    name: InitName
    stddev: float | None = Field(default=None, ge=0)
    limit: float | None = Field(default=None, ge=0)
    value: float | None = None
    mean: float = 0.0


Start = Annotated[Init, BeforeValidator(_named)]


class _Weighted(Words):
    """What the layers with weights have in common; l1 and l2 multiply the sums of |w| and w²."""

    activation: ActivationName = "linear"
    use_bias: bool = True
    init: Start = Init(name="glorot_uniform")
    bias_init: Start | None = None
    l1: Factor | None = None
    l2: Factor | None = None


class Dense(_Weighted):
    """Affine map of the last axis."""

    type: Literal["dense"] = "dense"
    units: Positive


class Conv2D(_Weighted):
    """Convolution of images, rows × columns × channels."""

    type: Literal["conv2d"] = "conv2d"
    filters: Positive
    kernel: Pair
    strides: Pair = (1, 1)
    padding: Padding = "valid"


class Conv1D(_Weighted):
    """Convolution of sequences, steps × features."""

    type: Literal["conv1d"] = "conv1d"
    filters: Positive
    kernel: Single
    strides: Single = 1
    padding: Padding = "valid"


class Pool2D(Words):
    """Largest or mean value of each window."""

    type: Literal["max_pool2d", "average_pool2d", "avg_pool2d"]
    size: Pair = (2, 2)
    strides: Pair | None = None
    padding: Padding = "valid"


class Pool1D(Words):
    """The same along steps."""

    type: Literal["max_pool1d", "average_pool1d", "avg_pool1d"]
    size: Single = 2
    strides: Single | None = None
    padding: Padding = "valid"


class GlobalPool(Words):
    """Largest or mean value over all places."""

    type: Literal[
        "global_average_pool2d",
        "global_avg_pool2d",
        "global_max_pool2d",
        "global_average_pool1d",
        "global_avg_pool1d",
        "global_max_pool1d",
    ]


class Flatten(Words):
    """All numbers of a row in one line."""

    type: Literal["flatten"] = "flatten"


class Reshape(Words):
    """Another shape of a row; one size may be −1."""

    type: Literal["reshape"] = "reshape"
    shape: tuple[int, ...] = Field(validation_alias=AliasChoices("shape", "target_shape"))


class RepeatVector(Words):
    """A row, repeated as the steps of a sequence."""

    type: Literal["repeat_vector", "repeat"] = "repeat_vector"
    n: Positive = Field(validation_alias=AliasChoices("n", "times", "steps"))


class UpSampling2D(Words):
    """Every pixel repeated."""

    type: Literal["upsampling2d", "up_sampling2d", "upsample2d"] = "upsampling2d"
    size: Pair = (2, 2)


class ZeroPadding2D(Words):
    """Zeros round an image."""

    type: Literal["zero_padding2d"] = "zero_padding2d"
    padding: Pair = (1, 1)


class Activate(Words):
    """An activation as a layer of its own."""

    type: Literal["activation"] = "activation"
    activation: ActivationName = Field(
        validation_alias=AliasChoices("activation", "name", "function")
    )


class Dropout(Words):
    """Numbers set to 0 while training."""

    type: Literal["dropout"] = "dropout"
    rate: Rate


class GaussianNoise(Words):
    """Normal noise added while training."""

    type: Literal["gaussian_noise"] = "gaussian_noise"
    stddev: Factor


class BatchNorm(Words):
    """Standardise by the batch in training, by running statistics afterwards."""

    type: Literal["batch_norm"] = "batch_norm"
    momentum: Rate = 0.99
    epsilon: float = 1e-3


class LayerNorm(Words):
    """Standardise each row over its last axis."""

    type: Literal["layer_norm"] = "layer_norm"
    epsilon: float = 1e-3


class Recurrent(Words):
    """A recurrent layer over the steps of a sequence."""

    type: Literal["lstm", "gru", "rnn", "simple_rnn"]
    units: Positive
    bidirectional: bool = False
    return_sequences: bool = False
    activation: ActivationName = "tanh"
    recurrent_activation: ActivationName = "sigmoid"
    init: Start = Init(name="glorot_uniform")
    recurrent_init: Start = Init(name="orthogonal")
    l1: Factor | None = None
    l2: Factor | None = None


class Embedding(Words):
    """A vector for each whole number."""

    type: Literal["embedding"] = "embedding"
    vocabulary: Positive = Field(
        validation_alias=AliasChoices("vocabulary", "input_dim", "n_words", "entries")
    )
    units: Positive = Field(
        validation_alias=AliasChoices("units", "output_dim", "dimension", "size", "dim")
    )
    init: Start = Init(name="random_uniform", limit=0.05)
    mask_zero: bool = False


class Masking(Words):
    """Steps whose inputs all equal `value` are left out from here on."""

    type: Literal["masking"] = "masking"
    value: float = 0.0


LayerWords = Annotated[
    Dense
    | Conv2D
    | Conv1D
    | Pool2D
    | Pool1D
    | GlobalPool
    | Flatten
    | Reshape
    | RepeatVector
    | UpSampling2D
    | ZeroPadding2D
    | Activate
    | Dropout
    | GaussianNoise
    | BatchNorm
    | LayerNorm
    | Recurrent
    | Embedding
    | Masking,
    Field(discriminator="type"),
]


class Model(Words):
    """The network: shape of one row, and layers in order."""

    input_shape: tuple[Positive, ...]
    layers: tuple[LayerWords, ...] = Field(min_length=1)


LossName = Literal[
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "logcosh",
    "huber",
    "kullback_leibler_divergence",
    "poisson",
]


class Loss(Words):
    """The loss, applied to the outputs after their activation.

    `clip` holds the argument of a logarithm within clip … 1 − clip; None is no guard at all. With
    `from_logits` a last softmax or sigmoid belongs to the loss.
    """

    name: LossName
    reduction: Literal["mean", "sum", "half_mean"] = "mean"
    from_logits: bool = False
    clip: float | None = Field(default=None, ge=0)


OptimizerName = Literal["sgd", "adam", "adamax", "nadam", "rmsprop", "adagrad", "adadelta", "adamw"]


class Optimizer(Words):
    """The optimizer; its numbers are left out where they are the usual ones."""

    name: OptimizerName
    learning_rate: Factor
    momentum: Rate | None = None
    nesterov: bool = False
    decay: Factor = 0.0
    beta1: Rate | None = Field(default=None, validation_alias=AliasChoices("beta1", "beta_1"))
    beta2: Rate | None = Field(default=None, validation_alias=AliasChoices("beta2", "beta_2"))
    rho: Rate | None = None
    epsilon: Factor | None = None
    initial_accumulator: Factor | None = None
    weight_decay: Factor | None = None
    clip_norm: float | None = Field(
        default=None, gt=0, validation_alias=AliasChoices("clip_norm", "clipnorm")
    )
    clip_value: float | None = Field(
        default=None, gt=0, validation_alias=AliasChoices("clip_value", "clipvalue")
    )


MetricName = Literal[
    "accuracy_argmax",
    "accuracy_rounded",
    "accuracy_per_output",
    "accuracy_exact",
    "mean_squared_error",
    "mean_absolute_error",
    "loss",
]
ScalingName = Literal["none", "divide_255", "standard", "min_max", "log10_standard"]


class Scaling(Words):
    """How columns are brought to a common range, learnt on the training rows."""

    inputs: ScalingName = "none"
    targets: ScalingName = "none"
    validation_inputs: Literal["same", "none"] = "same"


class Validation(Words):
    """Which rows are held back to judge by."""

    kind: Literal["none", "separate", "fraction"] = "none"
    fraction: Rate = Field(
        default=0.2, validation_alias=AliasChoices("fraction", "share", "value", "rate")
    )


CodingName = Literal[
    "integer",
    "zero_one",
    "one_hot",
    "multi_hot",
    "real",
    "soft",
    "image",
    "integer_per_step",
    "integer_as_real",
    "integer_divided_by_255",
]


class Labels(Words):
    """How targets are written."""

    coding: CodingName
    n_classes: int = Field(default=0, ge=0)
    n_outputs: int = Field(default=1, ge=0)


class EarlyStopping(Words):
    """Stop after so many epochs without a lower validation loss."""

    patience: Positive


class Settings(Words):
    """Everything that is set; the data stand beside it."""

    task: Literal["binary", "multiclass", "regression"]
    labels: Labels
    model: Model
    loss: Annotated[Loss, BeforeValidator(_loss)]
    optimizer: Optimizer
    batch_size: Positive
    epochs: Positive
    metrics: tuple[MetricName, ...] = ()
    scaling: Scaling = Scaling()
    validation: Validation = Validation()
    early_stopping: EarlyStopping | None = None
    class_weight: Literal["balanced"] | None = None
    shuffle: bool = True


def read_settings(value: Any, *, where: str = "program") -> Settings:
    """Return the settings that a tree of plain dicts and lists says.

    Raises:
        DataError: At a word that is not known, or a value that is not allowed; with its path.

    >>> read_settings({"task": "regression"})
    Traceback (most recent call last):
        ...
    gradlab.errors.DataError: program.labels is missing.
    """
    try:
        return Settings.model_validate(value)
    except ValidationError as error:
        raise DataError(_message(error, where)) from None


def _message(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    loc = first["loc"]
    # Behind the number of a layer stands its type, which is no key.
    keys = [step for i, step in enumerate(loc) if i < 2 or loc[i - 2] != "layers"]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in keys)
    path = where + place
    kind, came = first["type"], first.get("input")
    if kind == "missing":
        return f"{path} is missing."
    if kind == "extra_forbidden":
        return f"{path} is not a word known there: a value of {came!r} would be left out."
    if kind in ("literal_error", "union_tag_invalid"):
        context = first.get("ctx", {})
        expected = str(context.get("expected") or context.get("expected_tags"))
        given = str(context.get("tag", came))
        known = [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
        return f"{path} is {given!r}, which is unknown.{suggest(given, known)} Known: {expected}."
    return f"{path} is {came!r}: {first['msg']}."
