"""Small helpers for PyTorch's tensors, and for tuples and dicts of them."""

from typing import Any

import numpy as np


def unwrapped(model: Any) -> Any:
    """Return the module within `torch.compile`, `DataParallel` and the like."""
    for name in ("_orig_mod", "module"):
        kind = type(model).__name__
        if kind in ("OptimizedModule", "DataParallel", "DistributedDataParallel"):
            model = getattr(model, name, model)
    return model


def call_model(model: Any, inputs: Any) -> Any:
    """Call a model with one input, a tuple of them, or named ones."""
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def first_tensor(output: Any) -> Any:
    """Return the tensor that a loss takes: the first of a tuple, "logits" of a dict."""
    if isinstance(output, tuple | list) and output:
        return first_tensor(output[0])
    if isinstance(output, dict) and output:
        return output.get("logits", next(iter(output.values())))
    return getattr(output, "logits", output)


def n_rows_of(value: Any) -> int | None:
    """Return the rows of a tensor, or of the first in a tuple or dict; None of other things."""
    if isinstance(value, tuple) and value:
        return n_rows_of(value[0])
    if isinstance(value, dict) and value:
        return n_rows_of(next(iter(value.values())))
    return len(value) if getattr(value, "ndim", 0) else None


def cut_rows(value: Any, cut: slice) -> Any:
    """Return some of the rows of every tensor."""
    if isinstance(value, tuple):
        return tuple(cut_rows(inner, cut) for inner in value)
    if isinstance(value, dict):
        return {name: cut_rows(inner, cut) for name, inner in value.items()}
    return value[cut] if getattr(value, "ndim", 0) else value


def as_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor as a NumPy array."""
    tensor = tensor.detach()
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()  # NumPy has no bfloat16
    return tensor.cpu().numpy()


def squares(tensors: list[Any]) -> float:
    """Return the sum of squares of all numbers."""
    return float(sum(float(t.detach().double().square().sum()) for t in tensors if t is not None))


def added(one: list[Any], two: list[Any]) -> list[Any]:
    """Add gradients one by one; None is nothing."""
    pairs = zip(one, two, strict=True)
    return [b if a is None else a if b is None else a + b for a, b in pairs]


def told(value: Any) -> str:
    """Say what a value is, for a message."""
    shape = getattr(value, "shape", None)
    return f"shape {tuple(shape)}" if shape is not None else type(value).__name__
