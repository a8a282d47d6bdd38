"""From a recipe to a network: the default builder."""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax
import numpy as np

from gradlab.errors import GradlabError, RecipeError
from gradlab.nn.activations import ACTIVATIONS, activation_layer
from gradlab.nn.augmentation import Crop, parse_augmentations
from gradlab.nn.convolution import (
    Conv1D,
    Conv2D,
    LocallyConnected1D,
    LocallyConnected2D,
    TransposedConv2D,
)
from gradlab.nn.dense import Dense, n_parameters
from gradlab.nn.encoder_decoder import EncoderDecoder, Tied
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import Sequential, initial_state
from gradlab.nn.noise import Dropout, GaussianNoise
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.nn.padded import Padded
from gradlab.nn.pooling import (
    POOLINGS,
    AveragePool1D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1D,
)
from gradlab.nn.recurrent import CELLS, Bidirectional, Embedding, OverTime, Recurrent
from gradlab.nn.reducers import REDUCERS
from gradlab.nn.reshape import Flatten, Reshape, Upsample2D
from gradlab.nn.weights import Weights
from gradlab.training import layers as specs
from gradlab.training.interface import Interface
from gradlab.training.mirror import mirror, shape_after
from gradlab.training.recipe import Recipe, keyword_parameters

POOLINGS_OF_SEQUENCES = {"max": MaxPool1D, "average": AveragePool1D}
GLOBAL_POOLINGS = {"max": GlobalMaxPool, "average": GlobalAveragePool}
CORRUPTIONS = ("noise", "mask")
"""Augmentations that take numbers of any shape."""
RISING = ("relu", "sigmoid", "tanh", "softplus", "selu")
"""Activations that never fall, whatever their parameters."""

FLOAT32 = np.dtype(np.float32)
Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One line of a network's table.

    Args:
        layer: Its text.
        output_shape: Of one example.
        n_parameters: Numbers that training may change.
        operations: Multiplications and additions of one forward pass of one example.
        workspace: Floats of its largest intermediate of one example.
    """

    layer: str
    output_shape: Shape
    n_parameters: int
    operations: int
    workspace: int = 0


def build_network(
    recipe: Recipe, interface: Interface, *, seed: int | None, dtype: np.dtype = FLOAT32
) -> Sequential | EncoderDecoder:
    """Return the network of a recipe with the initial weights of a seed, as NumPy arrays.

    Each layer with weights is followed by norm → activation → noise → dropout, the order of
    NRM-11, and by its pooling, if any (a rising activation is taken of the maxima alone, which is
    the same); the output layer is dense alone and gives scores. Where the
    answer is the input itself the network is an `EncoderDecoder`: the recipe's layers, and its
    decoder with the output layer. NumPy makes the weights because eager JAX would compile a small
    program for each of them.

    Args:
        recipe: What to build.
        interface: Shapes of inputs and outputs.
        seed: Seed of the weights; two recipes with the same seed share their draws layer by layer.
            None leaves them zero, for a template.
        dtype: float32 or float64.

    Raises:
        RecipeError: If a layer does not fit the shape that reaches it.
    """
    builder = _built(recipe, interface, seed, dtype)
    return jax.tree.map(lambda leaf: _as_dtype(leaf, dtype), builder.network())


def network_table(recipe: Recipe, interface: Interface) -> list[LayerRow]:
    """Return every layer with its output shape and its count of parameters.

    >>> table = network_table(Recipe(hidden=(100,)), Interface((784,), 10))
    >>> [(row.layer, row.n_parameters) for row in table]
    [('dense 100', 78500), ('output 10', 1010)]
    """
    return list(_table(recipe, interface))


@functools.lru_cache(maxsize=256)
def _table(recipe: Recipe, interface: Interface) -> tuple[LayerRow, ...]:
    return tuple(_built(recipe, interface, None, FLOAT32).rows)


def _built(recipe: Recipe, interface: Interface, seed: int | None, dtype: np.dtype) -> "_Builder":
    builder = _Builder(recipe, interface, seed, dtype)
    filled, written = recipe.specs(), [spec.text() for spec in recipe.given_layers()]
    if recipe.layers is None and interface.n_tokens is not None:
        # `hidden` says nothing of tokens: the mean of their vectors goes into the dense layers.
        bag = specs.parse_layers("bag")
        filled, written = (*bag, *filled), [*(spec.text() for spec in bag), *written]
    for number, (spec, text) in enumerate(zip(filled, written, strict=True), 1):
        try:
            builder.add(spec, text, later=filled[number:])
        except GradlabError as error:
            came = _shown(builder.shape)
            raise RecipeError(f"layer {number}, '{text}', given {came}: {error}") from None
    if interface.reconstructs:
        builder.add_decoder()
    else:
        builder.add_output()
    return builder


class _Builder:
    """Layers so far, and the shape of what leaves them."""

    def __init__(self, recipe: Recipe, interface: Interface, seed: int | None, dtype: np.dtype):
        self.recipe = recipe
        self.interface = interface
        self.seed = seed
        self.dtype = dtype
        self.layers: list[Any] = []
        self.n_encoder = 0
        """Layers of an autoencoder's first half."""
        self.rows: list[LayerRow] = []
        self.shape: Shape = interface.input_shape
        self.tokens = interface.n_tokens is not None
        self.padded = interface.padded
        self.steps = interface.per_step
        """Whether dense layers map every step of a sequence by itself."""
        self.n_weighted = 0
        self.waiting: str | None = None
        """An activation that the maximum of the next layer goes before."""
        of_images = any(text.split()[0].lower() not in CORRUPTIONS for text in recipe.augment)
        if recipe.augment and (self.tokens or (of_images and len(self.shape) != 3)):
            raise RecipeError(
                f"augment={list(recipe.augment)} changes images; these examples have shape "
                f"{_shown(self.shape)}."
            )
        for layer in parse_augmentations(recipe.augment):
            self.layers.append(layer)
            if isinstance(layer, Crop):
                self.shape = layer.output_shape(self.shape)
        if recipe.reduce != "none":
            self._reduce(recipe.reduce)
        if recipe.input_noise:
            self._no_tokens("input_noise")
            self.layers.append(GaussianNoise(std=recipe.input_noise))

    def _reduce(self, text: str) -> None:
        """Begin with a fixed layer, empty: the task holds its numbers."""
        if len(self.shape) != 1 or self.interface.reconstructs:
            what = "an autoencoder" if self.interface.reconstructs else _shown(self.shape)
            raise RecipeError(f"reduce={text} takes rows of numbers before a network; got {what}.")
        known = {name: (form, sizes) for name, form, sizes in self.interface.reducers}
        if text not in known:
            raise RecipeError(
                f"reduce={text} was not fitted to this data. `gradlab compare`, `gradlab train` "
                "and gl.cross_validate fit it; an estimator stands behind gl.PCA and its like in a "
                "scikit-learn pipeline instead."
            )
        form, sizes = known[text]
        self.layers.append(REDUCERS[form].template(sizes, self.dtype))
        self.shape = sizes[-1:]
        row = LayerRow(text.replace(":", " "), self.shape, 0, 2 * int(np.prod(sizes)))
        self.rows.append(row)

    def weights(self, init: str | None) -> Weights:
        """Return the initial weights of the next layer that has any."""
        name = init or self.recipe.init
        given = self.recipe.family_parameters("init")
        weights = Weights(name, seed=self.seed, layer=self.n_weighted, dtype=self.dtype)
        own = keyword_parameters(weights.initializer)
        weights.parameters = {k: v for k, v in given.items() if k in own}
        self.n_weighted += 1
        return weights

    def add(self, spec: specs.Spec, text: str, *, later: tuple[specs.Spec, ...]) -> None:
        """Add a layer and what belongs to its block."""
        first, before, positions = len(self.layers), self.shape, 1
        match spec:
            case specs.Dense():
                self._no_tokens("a dense layer")
                self._flatten_unless_steps()
                n_in = self.shape[-1]
                weight = self.weights(spec.init)((n_in, spec.units), n_in, spec.units)
                self.layers.append(Dense(weight, np.zeros(spec.units, self.dtype)))
                self.shape = (*self.shape[:-1], spec.units)
                positions = self.shape[0] if len(self.shape) == 2 else 1
            case specs.Conv() | specs.Depthwise() | specs.Local() | specs.Transposed():
                self._no_tokens("a convolution")
                layer = self._convolution(spec)
                self.layers.append(layer)
                self.shape = layer.output_shape(self.shape)
                positions = 1 if spec.layer == "local" else int(np.prod(self.shape[:-1]))
            case specs.Pool():
                layer = self._pooling(spec)
                self.layers.append(layer)
                self.shape = layer.output_shape(self.shape)
                if self.waiting is not None:
                    self._activation(self.waiting)
                    self.waiting = None
            case specs.GlobalPool():
                self._dimensions("global")
                self.layers.append(GLOBAL_POOLINGS[spec.pooling]())
                self.shape, self.padded, self.steps = self.shape[-1:], False, False
            case specs.Flatten():
                self._flatten()
            case specs.Reshape():
                if np.prod(spec.shape) != np.prod(self.shape):
                    raise RecipeError(f"{_shown(spec.shape)} holds another count of numbers.")
                self._no_padding("reshape")
                self.layers.append(Reshape(spec.shape))
                self.shape = spec.shape
            case specs.Upsample():
                layer = Upsample2D(spec.factor)
                self.layers.append(layer)
                self.shape = layer.output_shape(self.shape)
            case specs.Recurrent():
                self._recurrent(spec, later)
                positions = self.interface.input_shape[0]
            case specs.Embedding():
                if not self.tokens:
                    raise RecipeError(
                        "an embedding takes tokens; these inputs are numbers. Leave it out."
                    )
                assert self.interface.n_tokens is not None  # so says `tokens`
                weights = self.weights(None)
                self.layers.append(Embedding.create(weights, self.interface.n_tokens, spec.units))
                self.shape, self.tokens, self.steps = (*self.shape, spec.units), False, True
            case specs.OverTime():
                self._sequence("time")
                self.layers.append(OverTime(spec.take))
                self.shape, self.padded = self.shape[-1:], False
                self.steps = False
            case specs.Norm():
                self._norm(spec.norm)
            case specs.Activate():
                self._activation(spec.activation)
            case specs.Drop():
                self.layers += [Dropout(rate=spec.dropout)] if spec.dropout else []
            case specs.Noise():
                self.layers += [GaussianNoise(std=spec.noise)] if spec.noise else []
            case specs.Own():
                self._own(spec)
            case _:
                raise AssertionError(spec)
        if isinstance(spec, specs.Block):
            self._norm(spec.norm or "none")
            activation = spec.activation or "linear"
            if self._commutes(spec, activation, later):
                self.waiting = activation
            else:
                self._activation(activation)
            if spec.noise:
                self.layers.append(GaussianNoise(std=spec.noise))
        if isinstance(spec, specs.Block | specs.Recurrent) and spec.dropout:
            self.layers.append(Dropout(rate=spec.dropout))
        self._tell(text, first, before, positions)

    def network(self) -> Sequential | EncoderDecoder:
        """Return the whole."""
        if not self.interface.reconstructs:
            return Sequential(tuple(self.layers))
        n, loss = self.n_encoder, self.recipe.loss
        return EncoderDecoder(
            Sequential(tuple(self.layers[:n])),
            Sequential(tuple(self.layers[n:])),
            logits=loss in LOSSES and LOSSES[loss].sigmoid_output,
        )

    def add_decoder(self) -> None:
        """Add an autoencoder's second half, which ends in scores of the input's shape."""
        self.n_encoder = len(self.layers)
        self._no_tokens("an autoencoder")
        wanted, decoder = self.interface.input_shape, self.recipe.decoder
        if decoder not in ("mirror", "tied"):
            written = () if decoder == "none" else decoder
            for spec, given in zip(self.recipe.decoder_specs(), written, strict=True):
                self.add(spec, f"decoder {given.text()}", later=())
            self.add_output()
            return
        encoder = self.layers[: self.n_encoder]
        groups = mirror(encoder, wanted, lambda: self.weights(None), tied=decoder == "tied")
        for group in groups:
            operations, workspace = 0, 0
            for layer in group:
                real: Any = (
                    layer.untied(Sequential(tuple(encoder))) if isinstance(layer, Tied) else layer
                )
                positions = 1 if len(self.shape) == 1 else int(np.prod(self.shape[:-1]))
                operations += 2 * np.size(getattr(real, "weight", ())) * positions
                if hasattr(real, "workspace"):
                    workspace = max(workspace, real.workspace(self.shape))
                self.shape = shape_after(real, self.shape)
            first = len(self.layers)
            self.layers += group
            if group is groups[-1]:
                self._output_activation()
            name = "output" if group is groups[-1] else "decoder"
            n_own = n_parameters(self.layers[first:])
            self.rows.append(
                LayerRow(f"{name} {_shown(self.shape)}", self.shape, n_own, operations, workspace)
            )
        if self.shape != wanted:
            raise RecipeError(
                f"the decoder leads back to {_shown(self.shape)}, but the input has "
                f"{_shown(wanted)}. Leave out augmentations that change the size of an image."
            )

    def add_output(self) -> None:
        """Add the layer that gives the scores."""
        first, before = len(self.layers), self.shape
        if self.interface.reconstructs:
            self._reconstruction()
            self._output_activation()
        else:
            self._no_tokens("the output")
            if self.interface.per_step:
                self._sequence("a target for every step")
            else:
                self.steps = False
                self._flatten_unless_steps()
            self._dense_output(self.interface.n_outputs)
        shared = not isinstance(self.layers[-1], Reshape)
        positions = int(np.prod(self.shape[:-1])) if shared else 1
        self._tell(f"output {_shown(self.shape)}", first, before, positions)

    def _output_activation(self) -> None:
        if self.recipe.output_activation != "linear":
            self._activation(self.recipe.output_activation)

    def _dense_output(self, n_outputs: int) -> None:
        n_in = self.shape[-1]
        weight = self.weights(None)((n_in, n_outputs), n_in, n_outputs)
        self.layers.append(Dense(weight, np.zeros(n_outputs, self.dtype)))
        self.shape = (*self.shape[:-1], n_outputs)

    def _reconstruction(self) -> None:
        """Return to the shape of the input: by a convolution from an image of its size."""
        wanted = self.interface.input_shape
        if len(wanted) == 3 and self.shape[:-1] == wanted[:-1]:
            weights = self.weights(None)
            layer = Conv2D.create(weights, self.shape[-1], wanted[-1], kernel=3, padding="same")
            self.layers.append(layer)
            self.shape = layer.output_shape(self.shape)
            return
        if len(wanted) == 2 and self.shape[:-1] == wanted[:-1]:
            self._dense_output(wanted[-1])
            return
        self.steps = False
        self._flatten_unless_steps()
        self._dense_output(int(np.prod(wanted)))
        if len(wanted) > 1:
            self.layers.append(Reshape(wanted))
            self.shape = wanted

    def _tell(self, text: str, first: int, before: Shape, positions: int) -> None:
        added = self.layers[first:]
        parameters = n_parameters(added)
        self.rows.append(
            LayerRow(
                text,
                self.shape,
                parameters,
                2 * parameters * positions,
                max(
                    (layer.workspace(before) for layer in added if hasattr(layer, "workspace")),
                    default=0,
                ),
            )
        )

    def _convolution(self, spec: Any) -> Any:
        dimensions = self._dimensions(spec.layer)
        kernel = spec.kernel or self.recipe.kernel
        n_in = self.shape[-1]
        weights = self.weights(spec.init)
        if dimensions == 1:
            if isinstance(spec, specs.Transposed):
                raise RecipeError("a transposed convolution is for images; a sequence came.")
            if isinstance(spec, specs.Local):
                self._no_padding("local")
            kernel, stride = _one(kernel, "kernel"), _one(spec.stride, "stride")
        else:
            kernel, stride = _two(kernel), _two(spec.stride)
        options = {"kernel": kernel, "stride": stride, "padding": spec.padding}
        if isinstance(spec, specs.Local):
            local = LocallyConnected1D if dimensions == 1 else LocallyConnected2D
            return local.create(weights, self.shape, spec.filters, **options)
        # What they subtract holds the bias (Ioffe & Szegedy 2015, section 3.2).
        options["bias"] = spec.norm not in ("batch", "instance")
        if isinstance(spec, specs.Transposed):
            return TransposedConv2D.create(weights, n_in, spec.filters, **options)
        convolution = Conv1D if dimensions == 1 else Conv2D
        if isinstance(spec, specs.Depthwise):
            return convolution.create(weights, n_in, n_in, **options, groups=n_in)
        dilation = _one(spec.dilation, "dilation") if dimensions == 1 else _two(spec.dilation)
        more = {"dilation": dilation, "groups": spec.groups}
        return convolution.create(weights, n_in, spec.filters, **options, **more)

    def _commutes(self, spec: specs.Block, activation: str, later: tuple[specs.Spec, ...]) -> bool:
        """Tell whether the activation may as well be taken of the maxima alone.

        f(max x) = max f(x) for a rising f: the same numbers from a quarter of the work.
        """
        following = later[0] if later else None
        return (
            isinstance(following, specs.Pool)
            and (following.pooling or self.recipe.pooling) == "max"
            and activation in RISING
            and not (spec.noise or spec.dropout)
        )

    def _pooling(self, spec: specs.Pool) -> Any:
        dimensions = self._dimensions("pool")
        name = spec.pooling or self.recipe.pooling
        if dimensions == 2:
            return POOLINGS[name](spec.window, stride=spec.stride)
        if name not in POOLINGS_OF_SEQUENCES:
            known = ", ".join(POOLINGS_OF_SEQUENCES)
            raise RecipeError(f"{name} pooling is for images; sequences have {known}.")
        window = _one(spec.window, "window")
        stride = None if spec.stride is None else _one(spec.stride, "stride")
        return POOLINGS_OF_SEQUENCES[name](window, stride=stride)

    def _recurrent(self, spec: specs.Recurrent, later: tuple[specs.Spec, ...]) -> None:
        self._no_tokens("a recurrent layer")
        self._sequence("a recurrent layer")
        n_in = self.shape[-1]
        cell: Any = CELLS[spec.cell or self.recipe.cell]
        takers = specs.Recurrent | specs.Conv | specs.Pool | specs.GlobalPool | specs.OverTime
        needed = self.interface.per_step or any(isinstance(s, takers) for s in later)
        outputs = spec.outputs or ("sequence" if needed else "last")
        weights = self.weights(spec.init)
        forward = cell.create(weights, n_in, spec.units)
        if spec.bidirectional:
            backward = cell.create(self.weights(spec.init), n_in, spec.units)
            self.layers.append(Bidirectional(forward, backward, outputs=outputs))
        else:
            self.layers.append(Recurrent(forward, outputs=outputs))
        width = forward.n_units * (2 if spec.bidirectional else 1)
        self.steps = outputs == "sequence"
        self.padded = self.padded and self.steps
        self.shape = (self.shape[0], width) if self.steps else (width,)

    def _norm(self, name: str) -> None:
        norm = NORMALIZATIONS[name]
        if norm is not None:
            self._no_tokens("a normalisation")
            own = keyword_parameters(norm)
            given = self.recipe.family_parameters("norm")
            self.layers.append(norm(self.shape[-1], **{k: v for k, v in given.items() if k in own}))

    def _activation(self, name: str) -> None:
        own = keyword_parameters(ACTIVATIONS[name])
        given = self.recipe.family_parameters("activation")
        given = {k: v for k, v in given.items() if k in own}
        self.layers.append(activation_layer(name, self.shape[-1], given))

    def _own(self, spec: specs.Own) -> None:
        module = spec.factory(self.shape, self.weights(None))
        if not callable(module):
            raise RecipeError(f"the factory gave {type(module).__name__}, which is no layer.")
        x = jax.ShapeDtypeStruct((2, *self.shape), np.int32 if self.tokens else self.dtype)
        arrays, static = eqx.partition(module, eqx.is_array)

        def call(arrays: Any, x: Any) -> Any:
            whole = eqx.combine(arrays, static)
            return whole(x, initial_state(whole), training=False)[0]

        try:
            out = jax.eval_shape(call, arrays, x)
        except (TypeError, ValueError) as error:
            raise RecipeError(
                f"calling it on a batch of shape {x.shape} failed: {error}. A layer takes "
                "(x, state, *, key, training, mask) and returns (y, state); wrap a module for a "
                "single example in gradlab.per_example."
            ) from None
        self.layers.append(module)
        self.padded = isinstance(out, Padded)
        self.shape = tuple((out.values if isinstance(out, Padded) else out).shape[1:])
        self.tokens = False

    def _flatten_unless_steps(self) -> None:
        if len(self.shape) == 1 or (self.steps and len(self.shape) == 2):
            return
        if self.padded:
            raise RecipeError(
                "the sequences differ in length, so their steps can't stand side by side. Put "
                "'time mean', 'time last' or a recurrent layer before."
            )
        self._flatten()

    def _flatten(self) -> None:
        self._no_padding("flatten")
        if len(self.shape) > 1:
            self.layers.append(Flatten())
            self.shape = (int(np.prod(self.shape)),)

    def _no_tokens(self, what: str) -> None:
        if self.tokens:
            raise RecipeError(
                f"{what} takes numbers; the inputs are tokens. Begin with 'embedding 32'."
            )

    def _no_padding(self, what: str) -> None:
        if self.padded:
            raise RecipeError(
                f"'{what}' needs sequences of one length, and these differ. Put 'time mean', 'time "
                "last' or a recurrent layer before."
            )

    def _dimensions(self, what: str) -> int:
        if len(self.shape) not in (2, 3):
            raise RecipeError(
                f"'{what}' takes images or sequences; what comes is a row of {self.shape[0]} "
                "numbers. Use 'dense', or 'reshape 28x28x1' before."
            )
        return len(self.shape) - 1

    def _sequence(self, what: str) -> None:
        if len(self.shape) == 3:
            # An image is read row by row: each row is a step.
            rows, columns, channels = self.shape
            self.layers.append(Reshape((rows, columns * channels)))
            self.shape = (rows, columns * channels)
        if len(self.shape) != 2:
            raise RecipeError(
                f"{what} takes sequences (time, features); what comes has shape "
                f"{_shown(self.shape)}. Use 'reshape TIMExFEATURES' before."
            )


def _one(size: Any, name: str) -> int:
    if isinstance(size, tuple):
        raise RecipeError(f"a sequence has one dimension: {name} must be one number; got {size}.")
    return size


def _two(size: Any) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def _shown(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _as_dtype(leaf: object, dtype: np.dtype) -> object:
    if isinstance(leaf, bool | str) or leaf is None:
        return leaf
    array = np.asarray(leaf)
    return array.astype(dtype) if np.issubdtype(array.dtype, np.floating) else array
