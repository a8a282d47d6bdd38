"""A network in two halves: an encoder that makes a code, a decoder that makes the input of it."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PyTree
from scipy.special import expit

from gradlab.nn.convolution import Conv2D, TransposedConv2D
from gradlab.nn.convolution.geometry import geometry
from gradlab.nn.dense import Dense
from gradlab.nn.module import Layer, Sequential
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights

DECODER = 2**17
"""The decoder's random numbers count from here, so that none depends on the encoder's depth."""


class EncoderDecoder(Layer):
    """a = encoder(x), x̂ = decoder(a); a `Tied` layer of the decoder has the encoder's weight.

    Its state is the pair of both halves'.

    Args:
        encoder: From an input to its code.
        decoder: From a code to scores of the input's shape.
        logits: Whether the scores are logits of numbers between 0 and 1.

    >>> square = Dense(np.array([[0.6, -0.8], [0.8, 0.6]]))
    >>> tied = Tied(np.zeros(2), of=0, input_shape=(2,))
    >>> network = EncoderDecoder(Sequential((square,)), Sequential((tied,)))
    >>> network(np.array([[1.0, 2.0]]), network.initial_state())[0].round(3).tolist()
    [[1.0, 2.0]]
    """

    takes_padded: ClassVar[bool] = True

    encoder: Sequential
    decoder: Sequential
    logits: bool = eqx.field(static=True, default=False)

    @property
    def layers(self) -> tuple:
        """The layers of both halves, in order."""
        return (*self.encoder.layers, *self.decoder.layers)

    def initial_state(self) -> tuple[PyTree, PyTree]:
        """Return the states of both halves."""
        return self.encoder.initial_state(), self.decoder.initial_state()

    def encode(
        self,
        x: Any,
        state: tuple[PyTree, PyTree],
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Any = None,
    ) -> tuple[Any, tuple[PyTree, PyTree]]:
        """Return the code of a batch, and the state with the encoder's half renewed."""
        code, encoder = self.encoder(x, state[0], key=key, training=training, mask=mask)
        return code, (encoder, state[1])

    def decode(
        self,
        code: Any,
        state: tuple[PyTree, PyTree],
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Any = None,
    ) -> tuple[Any, tuple[PyTree, PyTree]]:
        """Return the scores of a batch of codes, and the state with the decoder's half renewed."""
        key = None if key is None else key.fold(DECODER)
        whole = self.untied_decoder()
        y, decoder = whole(code, state[1], key=key, training=training, mask=mask)
        return y, (state[0], decoder)

    def untied_decoder(self) -> Sequential:
        """Return the decoder as a network that stands alone."""
        layers = self.decoder.layers
        return Sequential(
            tuple(x.untied(self.encoder) if isinstance(x, Tied) else x for x in layers)
        )

    def reconstruction(
        self, scores: Float[np.ndarray, "rows *shape"]
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return what the scores say of the input, in its own units."""
        return expit(scores) if self.logits else scores

    def __call__(self, x, state, *, key=None, training=False, mask=None) -> tuple[Any, PyTree]:
        """Map a batch to what is made of its code."""
        code, state = self.encode(x, state, key=key, training=training, mask=mask)
        return self.decode(code, state, key=key, training=training, mask=mask)


class Tied(Layer):
    """The transpose of a layer of the encoder, W' = Wᵀ, with a bias of its own.

    It holds no weight: the encoder's is trained by the gradients of both ways. Only an
    `EncoderDecoder` can call it.

    Args:
        bias: One number for each feature or channel of what the encoder's layer takes.
        of: Position of that layer in the encoder.
        input_shape: What it takes, without the batch.
    """

    kind: ClassVar[str] = "linear"

    bias: Float[Array | np.ndarray, " n_out"]
    of: int = eqx.field(static=True)
    input_shape: tuple[int, ...] = eqx.field(static=True)

    def untied(self, encoder: Sequential) -> Layer:
        """Return the layer that this is with the weights of an encoder."""
        layer = encoder.layers[self.of]
        weight = layer.weight.T if isinstance(layer, Dense) else layer.weight
        return transpose_of(layer, self.input_shape, weight, self.bias)


def has_transpose(layer: Layer) -> bool:
    """Tell whether `transpose_of` knows a layer."""
    return isinstance(layer, Dense | Conv2D)


def transpose_of(
    layer: Layer,
    input_shape: Sequence[int],
    weight: Float[Array | np.ndarray, "..."],
    bias: Float[Array | np.ndarray, " n_out"],
) -> Layer:
    """Return the layer that leads from a dense or convolutional layer's output back to its input.

    Args:
        layer: That leads there.
        input_shape: What it takes, without the batch.
        weight: Shape (n_out, n_in) for a dense layer, the shape of its own for a convolution.
        bias: One number for each feature or channel of the input.

    >>> back = transpose_of(Dense(np.ones((3, 2))), (3,), np.ones((2, 3)), np.zeros(3))
    >>> back(np.array([[1.0, 2.0]]), ())[0].tolist()
    [[3.0, 3.0, 3.0]]
    """
    if isinstance(layer, Dense):
        return Dense(weight, bias)
    assert isinstance(layer, Conv2D)
    shape = geometry(
        input_shape,
        kernel=layer.weight.shape[:2],
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    # A strided convolution gives several sizes of image the same size of output.
    missing = tuple(
        n + sum(pair) - ((m - 1) * s + d * (k - 1) + 1)
        for n, pair, m, s, d, k in zip(
            shape.size,
            shape.padding,
            shape.output,
            shape.stride,
            shape.dilation,
            shape.kernel,
            strict=True,
        )
    )
    return TransposedConv2D(
        weight,
        bias,
        stride=layer.stride,
        padding=shape.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        output_padding=missing,
        chunk=layer.chunk,
    )


def create_transpose(weights: Weights, layer: Layer, input_shape: Sequence[int]) -> Layer:
    """Return the transpose of a layer with initial weights of its own; biases start at zero."""
    bias = weights.zeros(input_shape[-1])
    if isinstance(layer, Dense):
        n_in, n_out = layer.weight.shape
        return transpose_of(layer, input_shape, weights((n_out, n_in), n_out, n_in), bias)
    assert isinstance(layer, Conv2D)
    taps, (n_in, n_out) = math.prod(layer.weight.shape[:2]), layer.weight.shape[2:]
    # A pixel of the image is reached by the taps whose place the stride hits.
    reached = max(1, taps // math.prod(layer.stride))
    weight = weights(layer.weight.shape, reached * n_out // layer.groups, taps * n_in)
    return transpose_of(layer, input_shape, weight, bias)
