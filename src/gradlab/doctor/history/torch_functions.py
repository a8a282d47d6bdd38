"""What PyTorch's functions do to a layer's numbers, by their names."""

from collections.abc import Callable
from typing import Any

from gradlab.training.sites import FLAT

DENSE = {"linear", "matmul", "rmatmul", "mm", "addmm", "bilinear", "einsum", "tensordot"}
RECURRENT = {
    "lstm": "tanh",
    "gru": "tanh",
    "rnn_tanh": "tanh",
    "rnn_relu": "relu",
    "lstm_cell": "tanh",
    "gru_cell": "tanh",
    "rnn_tanh_cell": "tanh",
    "rnn_relu_cell": "relu",
}
"""Function to the activation that its output comes from."""

CONVOLUTIONS = {f"conv{transposed}{n}d" for n in (1, 2, 3) for transposed in ("", "_transpose")} | {
    "convolution"
}

ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "tanh": "tanh",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "logsigmoid": "log_sigmoid",
    "log_sigmoid": "log_sigmoid",
    "elu": "elu",
    "celu": "celu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "leaky_relu": "leaky_relu",
    "rrelu": "leaky_relu",
    "prelu": "prelu",
    "hardtanh": "hard_tanh",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_silu",
    "exp": "exponential",
    "sin": "sine",
    "square": "square",
}
"""Function to the activation's name."""

NORMS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
DROPOUTS = {
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
    "feature_dropout",
}
POOLS = {
    f"{kind}_pool{n}d"
    for kind in ("max", "avg", "adaptive_avg", "adaptive_max", "lp", "fractional_max")
    for n in (1, 2, 3)
}
KEEPING = {
    *("add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul", "div", "truediv"),
    *(
        "itruediv",
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "t",
        "squeeze",
    ),
    *("unsqueeze", "contiguous", "to", "float", "half", "bfloat16", "double", "type", "clone"),
    *("getitem", "cat", "concat", "stack", "pad", "mean", "sum", "amax", "interpolate", "expand"),
    *("movedim", "swapaxes", "narrow", "select", "index_select", "unbind", "chunk", "split"),
}
"""Functions after which numbers still are the layer's before its activation."""

CREATING = {
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "zeros_like", "ones_like"),
    *("empty_like", "full_like", "rand_like", "randn_like"),
}
"""Functions that take no numbers from the tensor that they are given."""


def weights_by_unit(inside: str, weight: Any, data: Any) -> Any:
    """Return the weights as (units, inputs); None if that makes no sense."""
    weight = weight.detach()
    if inside in RECURRENT:
        gates = {"lstm": 4, "gru": 3}.get(inside.removesuffix("_cell"), 1)
        units = weight.shape[0] // gates  # of a unit: a row for each gate
        return weight.reshape(gates, units, -1).transpose(0, 1).reshape(units, -1)
    if inside == "linear":
        return weight
    if inside in CONVOLUTIONS:
        if data is None or data.ndim < 2:
            return None
        if "transpose" in inside:
            return weight.transpose(0, 1).flatten(1) if data.shape[1] == weight.shape[0] else None
        return weight.flatten(1) if data.shape[1] == weight.shape[1] else None
    if inside in ("matmul", "mm", "addmm", "rmatmul") and weight.ndim == 2:
        return weight.t()
    return None


def activation_name(inside: str, args: tuple, kwargs: dict[str, Any]) -> str | None:
    """Return the activation that a function is, with its arguments; None for other functions.

    >>> activation_name("clamp", (), {"min": 0}), activation_name("clamp", (), {"min": 1})
    ('relu', None)
    """
    if inside in ("clamp", "clip", "clamp_min"):
        low = kwargs.get("min", args[1] if len(args) > 1 else None)
        high = kwargs.get("max", args[2] if len(args) > 2 else None)
        bounds = {(0, None): "relu", (0, 6): "relu6", (-1, 1): "hard_tanh"}
        plain = isinstance(low, int | float) and (high is None or isinstance(high, int | float))
        return bounds.get((low, high)) if plain else None
    if inside == "hardtanh":  # as which nn.ReLU6 is made
        low = kwargs.get("min_val", args[1] if len(args) > 1 else -1)
        high = kwargs.get("max_val", args[2] if len(args) > 2 else 1)
        return "relu6" if (low, high) == (0, 6) else "hard_tanh"
    return ACTIVATIONS.get(inside)


def flat_from_output(activation: str) -> Callable[[Any, Any], Any]:
    """Of a recurrent net only the output is seen: a share of a tanh, or a ReLU."""
    if activation == "relu":
        return lambda before, output: output <= 0
    return lambda before, output: 1 - output**2 < FLAT


def flat_from_input(activation: str, again: Callable) -> Callable[[Any, Any], Any] | None:
    """Return what tells where an activation is saturated, from its input and output.

    Args:
        activation: Name.
        again: The function with all arguments but the first.
    """
    if activation == "softmax":
        return lambda before, output: output * (1 - output) < FLAT * 0.25
    if activation == "log_softmax":
        return lambda before, output: output.exp() * (1 - output.exp()) < FLAT * 0.25

    def flat(before: Any, output: Any) -> Any:
        import torch

        slope = _slope(again, before)
        if activation == "prelu":  # a slope for each channel: no grid fits them all
            largest = slope.abs().max().clamp(min=1)
        else:
            grid = torch.linspace(-5, 5, 101, dtype=before.dtype, device=before.device)
            largest = _slope(again, grid).abs().nan_to_num().max()
        return slope.abs() < FLAT * largest

    return flat


def _slope(function: Callable, x: Any) -> Any:
    import torch

    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        # The function may work in place, which a leaf does not allow.
        return torch.autograd.grad(function(x * 1).sum(), x)[0]
