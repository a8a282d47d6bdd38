"""The layers that a recipe may name: typed specifications, and their one-line texts.

    conv 32 3x3 stride 2 norm batch relu      pool average 2      dense 128 dropout 0.5
    lstm 64 bidirectional                     embedding 32        flatten

A text is a kind, its sizes, its options; `Conv(filters=32, kernel=(3, 3))` is the same in Python.
What is left out is taken from the recipe. A line that holds only a normalisation, an activation,
noise or dropout belongs to the layer before it, or stands alone where none can take it.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from gradlab.errors import RecipeError, unknown
from gradlab.nn.activations import ACTIVATIONS
from gradlab.nn.pooling import POOLINGS
from gradlab.nn.recurrent import CELLS
from gradlab.training.fields import (
    ActivationName,
    InitName,
    NonNegativeNumber,
    NormName,
    Part,
    Rate,
    Units,
    name_from,
    shown,
)

Count = Annotated[int, Field(ge=1, le=10_000)]
Size = Count | tuple[Count, Count]
"""Of a window, in steps of a sequence or rows and columns of an image; one number for both."""

Padding = Literal["same", "valid"] | Annotated[int, Field(ge=0, le=10_000)]
PoolingName = Annotated[str, BeforeValidator(name_from("pooling", POOLINGS))]
CellName = Annotated[str, BeforeValidator(name_from("cell", CELLS))]


def _factory(value: Any) -> Callable:
    if callable(value):
        return value
    if not isinstance(value, str) or value.count(":") != 1:
        raise ValueError(f"expected a function or 'package.module:function'; got {shown(value)}.")
    module, name = value.split(":")
    try:
        found = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"'{value}' can't be imported: {error}.") from None
    if not callable(found):
        raise ValueError(f"'{value}' is {shown(found)}, which can't be called.")
    return found


class Spec(Part):
    """A layer of a recipe."""

    def text(self) -> str:
        """Return the line that `parse_layer` reads back as this layer."""
        raise NotImplementedError

    def structure(self) -> tuple:
        """Return what decides the shape of the computation; rates and initial weights do not."""
        fields = {name: value for name, value in self.model_dump().items() if name != "init"}
        fields |= {name: bool(fields[name]) for name in ("dropout", "noise") if name in fields}
        return tuple(sorted(fields.items()))

    @field_validator("*", mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Block(Spec):
    """A layer with weights, followed by norm, activation, noise and dropout, in that order."""

    activation: ActivationName | None = None
    norm: NormName | None = None
    init: InitName | None = None
    dropout: Rate | None = None
    noise: NonNegativeNumber | None = None

    def _block_text(self) -> str:
        words = []
        for name in ("init", "norm", "activation", "noise", "dropout"):
            value = getattr(self, name)
            if value is not None:
                words.append(value if name == "activation" else f"{name} {_number(value)}")
        return "".join(f" {word}" for word in words)


class Dense(Block):
    """A fully connected layer; images are flattened before it."""

    layer: Literal["dense"] = "dense"
    units: Units

    def text(self) -> str:
        """Return the line."""
        return f"dense {self.units}{self._block_text()}"


class _Windowed(Block):
    kernel: Size | None = None
    stride: Size = 1
    padding: Padding = "same"

    def _window_text(self) -> str:
        words = [] if self.kernel is None else [_size(self.kernel)]
        if self.stride != 1:
            words.append(f"stride {_size(self.stride)}")
        if self.padding != "same":
            words.append(f"padding {self.padding}")
        return "".join(f" {word}" for word in words)


class Conv(_Windowed):
    """A convolution over an image, or over the steps of a sequence.

    Args:
        filters: Output channels.
        kernel: Window; None takes the recipe's.
        stride: Step of the window.
        padding: "same", "valid", or zeros on every side.
        dilation: Distance between the taps of the window.
        groups: Parts of the channels that see only themselves.
    """

    layer: Literal["conv"] = "conv"
    filters: Units
    dilation: Size = 1
    groups: Count = 1

    def text(self) -> str:
        """Return the line."""
        more = "" if self.dilation == 1 else f" dilation {_size(self.dilation)}"
        more += "" if self.groups == 1 else f" groups {self.groups}"
        return f"conv {self.filters}{self._window_text()}{more}{self._block_text()}"


class Depthwise(_Windowed):
    """A convolution of each channel by itself."""

    layer: Literal["depthwise"] = "depthwise"

    def text(self) -> str:
        """Return the line."""
        return f"depthwise{self._window_text()}{self._block_text()}"


class Transposed(_Windowed):
    """A transposed convolution, which enlarges an image by its stride."""

    layer: Literal["transposed"] = "transposed"
    filters: Units

    def text(self) -> str:
        """Return the line."""
        return f"transposed {self.filters}{self._window_text()}{self._block_text()}"


class Local(_Windowed):
    """A convolution whose weights differ from place to place (locally connected)."""

    layer: Literal["local"] = "local"
    filters: Units

    def text(self) -> str:
        """Return the line."""
        return f"local {self.filters}{self._window_text()}{self._block_text()}"


class Pool(Spec):
    """Pooling over windows.

    Args:
        window: Of the pooling.
        pooling: Kind; None takes the recipe's.
        stride: Step of the window; None is the window.
    """

    layer: Literal["pool"] = "pool"
    window: Size = 2
    pooling: PoolingName | None = None
    stride: Size | None = None

    def text(self) -> str:
        """Return the line."""
        kind = "" if self.pooling is None else f" {self.pooling}"
        stride = "" if self.stride is None else f" stride {_size(self.stride)}"
        return f"pool{kind} {_size(self.window)}{stride}"


class GlobalPool(Spec):
    """The average or maximum of each channel over the whole image or sequence."""

    layer: Literal["global"] = "global"
    pooling: Literal["average", "max"] = "average"

    def text(self) -> str:
        """Return the line."""
        return f"global {self.pooling}"


class Flatten(Spec):
    """All numbers of an example in one row."""

    layer: Literal["flatten"] = "flatten"

    def text(self) -> str:
        """Return the line."""
        return "flatten"


class Reshape(Spec):
    """The same numbers in another shape."""

    layer: Literal["reshape"] = "reshape"
    shape: tuple[Units, ...]

    def text(self) -> str:
        """Return the line."""
        return f"reshape {'x'.join(map(str, self.shape))}"


class Upsample(Spec):
    """Every pixel repeated."""

    layer: Literal["upsample"] = "upsample"
    factor: Count = 2

    def text(self) -> str:
        """Return the line."""
        return f"upsample {self.factor}"


class Recurrent(Spec):
    """A recurrent layer.

    Args:
        units: Of the cell.
        cell: Kind; None takes the recipe's.
        bidirectional: Also read the sequence backwards; outputs stand side by side.
        outputs: "sequence" for every step, "last" for the last real one; None is "last" where no
            later layer and no target needs the steps.
        dropout: Share of outputs dropped in training; None takes the recipe's.
        init: Initialiser of the weights; None takes the recipe's.
    """

    layer: Literal["recurrent"] = "recurrent"
    units: Units
    cell: CellName | None = None
    bidirectional: bool = False
    outputs: Literal["sequence", "last"] | None = None
    dropout: Rate | None = None
    init: InitName | None = None

    def text(self) -> str:
        """Return the line."""
        words = [self.cell or "recurrent", str(self.units)]
        words += ["bidirectional"] * self.bidirectional
        words += [self.outputs] if self.outputs else []
        words += [f"init {self.init}"] if self.init else []
        words += [] if self.dropout is None else [f"dropout {_number(self.dropout)}"]
        return " ".join(words)


class Embedding(Spec):
    """A learnt vector for each token."""

    layer: Literal["embedding"] = "embedding"
    units: Units

    def text(self) -> str:
        """Return the line."""
        return f"embedding {self.units}"


class OverTime(Spec):
    """The last real step of a sequence, or the mean or maximum of the real ones."""

    layer: Literal["time"] = "time"
    take: Literal["last", "mean", "max"] = "last"

    def text(self) -> str:
        """Return the line."""
        return f"time {self.take}"


class Norm(Spec):
    """A normalisation by itself."""

    layer: Literal["norm"] = "norm"
    norm: NormName

    def text(self) -> str:
        """Return the line."""
        return f"norm {self.norm}"


class Activate(Spec):
    """An activation by itself."""

    layer: Literal["activation"] = "activation"
    activation: ActivationName

    def text(self) -> str:
        """Return the line."""
        return self.activation


class Drop(Spec):
    """Dropout by itself."""

    layer: Literal["dropout"] = "dropout"
    dropout: Rate

    def text(self) -> str:
        """Return the line."""
        return f"dropout {_number(self.dropout)}"


class Noise(Spec):
    """Gaussian noise by itself."""

    layer: Literal["noise"] = "noise"
    noise: NonNegativeNumber

    def text(self) -> str:
        """Return the line."""
        return f"noise {_number(self.noise)}"


class Own(Spec):
    """A module of the user's own.

    Args:
        factory: (input_shape, weights) -> module, or its import path "package.module:function".
            `input_shape` is that of one example; `weights` is a `gradlab.nn.Weights`, from which
            the module takes its initial weights, so that seeds and initialisers reach it. The
            module keeps the call of `gradlab.nn.Layer`; one that is written for a single example
            is wrapped by `gradlab.per_example`. Its output shape is found by tracing.
    """

    layer: Literal["own"] = "own"
    factory: Annotated[Any, BeforeValidator(_factory)]

    def text(self) -> str:
        """Return the line; of a factory that has no import path, with where it was written."""
        path = f"{self.factory.__module__}:{getattr(self.factory, '__qualname__', '?')}"
        if self.is_importable():
            return f"own {path}"
        code = getattr(self.factory, "__code__", None)
        return f"own {path}@{'?' if code is None else code.co_firstlineno}"

    def is_importable(self) -> bool:
        """Tell whether another process finds the factory by its name."""
        module, name = self.factory.__module__, getattr(self.factory, "__qualname__", "")
        try:
            return module != "__main__" and _factory(f"{module}:{name}") is self.factory
        except ValueError:
            return False

    def structure(self) -> tuple:
        """Return the factory itself: two are equal if their functions are."""
        return ("own", self.factory)


PRESETS: dict[str, tuple[str, ...]] = {
    "linear": (),
    "lenet": ("conv 16", "pool 2", "conv 32", "pool 2", "dense 128"),
    "vgg": (
        "conv 32 norm batch",
        "conv 32 norm batch",
        "pool 2",
        "conv 64 norm batch",
        "conv 64 norm batch",
        "pool 2",
        "dense 128",
    ),
    "recurrent": ("recurrent 64",),
    "text": ("embedding 32", "recurrent 64"),
    "bag": ("embedding 32", "time mean"),
}
"""Name -> layers, for a recipe that names a whole network: `layers = "lenet"`."""


def parse_layers(lines: Any) -> tuple[Spec, ...]:
    """Return the layers of a preset's name, or of texts, tables and specifications in a list.

    Raises:
        RecipeError: Naming the line that can't be read.

    >>> [layer.text() for layer in parse_layers(["conv 32 3x3", "relu", "pool 2", "dense 10"])]
    ['conv 32 3x3 relu', 'pool 2', 'dense 10']
    """
    if isinstance(lines, str):
        if lines not in PRESETS:
            raise RecipeError(
                unknown("network", lines, PRESETS)
                + " Or give a list, one layer a line: ['conv 32 3x3', 'pool 2', 'dense 64']."
            )
        lines = PRESETS[lines]
    if not isinstance(lines, list | tuple):
        raise RecipeError(
            f"layers must be the name of a network or a list, one layer a line: ['conv 32 3x3', "
            f"'pool 2', 'dense 64']; got {shown(lines)}."
        )
    layers: list[Spec] = []
    for number, line in enumerate(lines, 1):
        if isinstance(line, Spec):
            layers.append(line)
            continue
        if isinstance(line, dict):
            layers.append(_from_table(line, number))
            continue
        if not isinstance(line, str):
            raise RecipeError(
                f"layer {number}: expected a text such as 'dense 64'; got {shown(line)}."
            )
        try:
            spec = parse_layer(line)
        except RecipeError as error:
            raise RecipeError(f"layer {number}, '{line}': {error}") from None
        joined = _join(layers[-1], spec) if layers else None
        if joined is None:
            layers.append(spec)
        else:
            layers[-1] = joined
    return tuple(layers)


def parse_layer(line: str) -> Spec:
    """Return the layer of one line.

    Raises:
        RecipeError: Saying which word can't be read and what may stand there.

    >>> parse_layer("conv 32 3x3 stride 2 relu").kernel
    (3, 3)
    """
    words = line.split()
    if not words:
        raise RecipeError("it is empty. Write a kind and its size, such as 'dense 64'.")
    head = words.pop(0).lower()
    if head in ACTIVATIONS and not words:
        return Activate(activation=head)
    if head not in GRAMMAR and head not in CELLS:
        known = [*GRAMMAR, *CELLS, *ACTIVATIONS]
        raise RecipeError(unknown("layer", head, known))
    spec, sizes, options = GRAMMAR["recurrent" if head in CELLS else head]
    fields: dict[str, Any] = {"cell": head} if head in CELLS else {}
    for name, read, needed in sizes:
        if words and _reads(read, words[0]):
            fields[name] = read(words.pop(0))
        elif needed:
            came = f"'{words[0]}'" if words else "the end of the line"
            raise RecipeError(f"expected {name} after '{head}'; got {came}.")
    while words:
        word = words.pop(0).lower()
        if word in ACTIVATIONS and "activation" in spec.model_fields:
            fields["activation"] = word
        elif word in FLAGS and FLAGS[word][0] in options:
            name, value = FLAGS[word]
            fields[name] = value
        elif word in options:
            if not words:
                raise RecipeError(f"'{word}' at the end of the line lacks its value.")
            value = words.pop(0)
            if not _reads(options[word], value):
                raise RecipeError(f"'{word}' can't be '{value}'.")
            fields[word] = options[word](value)
        else:
            flags = [flag for flag, (name, _) in FLAGS.items() if name in options]
            known = [*(o for o in options if o not in ("outputs", "bidirectional")), *flags]
            more = list(ACTIVATIONS) if "activation" in spec.model_fields else []
            raise RecipeError(unknown(f"option of '{head}'", word, [*known, *more]))
    return spec(**fields)


def _whole(word: str) -> int:
    return int(word)


def _window(word: str) -> int | tuple[int, int]:
    rows, times, columns = word.lower().partition("x")
    return (int(rows), int(columns)) if times else int(rows)


def _shape(word: str) -> tuple[int, ...]:
    return tuple(int(n) for n in word.lower().split("x"))


def _padding(word: str) -> str | int:
    return int(word) if word.isdigit() else _one_of("same", "valid")(word)


def _one_of(*names: str) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in names:
            raise ValueError(word)
        return word

    return read


def _reads(read: Callable[[str], Any], word: str) -> bool:
    try:
        read(word)
    except ValueError:
        return False
    return True


FLAGS: dict[str, tuple[str, Any]] = {
    "bidirectional": ("bidirectional", True),
    "last": ("outputs", "last"),
    "sequence": ("outputs", "sequence"),
}
"""Options that are one word by themselves."""

_BLOCK: dict[str, Callable[[str], Any]] = {
    "norm": str,
    "init": str,
    "dropout": float,
    "noise": float,
}
_WINDOWED = {"stride": _window, "padding": _padding, **_BLOCK}

Grammar = tuple[type[Spec], tuple[tuple[str, Callable, bool], ...], dict[str, Callable]]
GRAMMAR: dict[str, Grammar] = {
    "dense": (Dense, (("units", _whole, True),), _BLOCK),
    "conv": (
        Conv,
        (("filters", _whole, True), ("kernel", _window, False)),
        {**_WINDOWED, "dilation": _window, "groups": _whole},
    ),
    "depthwise": (Depthwise, (("kernel", _window, False),), _WINDOWED),
    "transposed": (
        Transposed,
        (("filters", _whole, True), ("kernel", _window, False)),
        _WINDOWED,
    ),
    "local": (Local, (("filters", _whole, True), ("kernel", _window, False)), _WINDOWED),
    "pool": (
        Pool,
        (("pooling", _one_of(*POOLINGS), False), ("window", _window, True)),
        {"stride": _window},
    ),
    "global": (GlobalPool, (("pooling", _one_of("average", "max"), False),), {}),
    "flatten": (Flatten, (), {}),
    "reshape": (Reshape, (("shape", _shape, True),), {}),
    "upsample": (Upsample, (("factor", _whole, False),), {}),
    "recurrent": (
        Recurrent,
        (("units", _whole, True),),
        {"cell": str, "init": str, "dropout": float, "bidirectional": str, "outputs": str},
    ),
    "embedding": (Embedding, (("units", _whole, True),), {}),
    "time": (OverTime, (("take", _one_of("last", "mean", "max"), True),), {}),
    "norm": (Norm, (("norm", str, True),), {}),
    "dropout": (Drop, (("dropout", float, True),), {}),
    "noise": (Noise, (("noise", float, True),), {}),
    "own": (Own, (("factory", str, True),), {}),
}
"""Kind -> its type, its sizes in order (field, reader, whether needed), its options."""

_AFTER = {
    "norm": ("norm", "activation", "noise", "dropout"),
    "activation": ("activation", "noise", "dropout"),
    "noise": ("noise", "dropout"),
    "dropout": ("dropout",),
}
"""What a block must not have yet if it is to take a line, so that the order written is kept."""


def _join(before: Spec, spec: Spec) -> Spec | None:
    """Return the layer before with a norm, activation, noise or dropout taken in; None if not."""
    name = getattr(spec, "layer", "")
    if name not in _AFTER or name not in type(before).model_fields:
        return None
    if not isinstance(before, Block | Recurrent):
        return None
    if any(getattr(before, later, None) is not None for later in _AFTER[name]):
        return None
    return before.model_copy(update={name: getattr(spec, name)})


def _from_table(table: dict, number: int) -> Spec:
    """Return the layer of a table such as {layer = "dense", units = 64}."""
    kinds = {c.model_fields["layer"].default: c for c in _CLASSES}
    kind = table.get("layer", "dense")
    if kind not in kinds:
        raise RecipeError(f"layer {number}: {unknown('layer', str(kind), kinds)}")
    try:
        return kinds[kind](**{k: v for k, v in table.items() if k != "layer"})
    except RecipeError as error:
        raise RecipeError(f"layer {number}, {kind}: {error}") from None


_CLASSES: tuple[type[Spec], ...] = (*(row[0] for row in GRAMMAR.values()), Activate)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def _size(size: int | tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}" if isinstance(size, tuple) else str(size)
