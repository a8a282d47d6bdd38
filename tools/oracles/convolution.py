"""Write tests/oracles/convolution.safetensors: what PyTorch gives for convolutions and pooling.

Run from the repository with the [peers] extra installed: python tools/oracles/convolution.py
All in float64, with channels last and weights as (kernel, c_in / groups, c_out), transposed ones
as (kernel, c_out / groups, c_in); `x.grad` and the like are gradients of sum(output * cotangent).
Inputs, weights and cotangents hold the first of the shared `numbers`, row by row. The metadata
tells the settings of each case.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
numbers = torch.randn(1000)  # inputs, weights and cotangents, from its beginning, all of them
arrays: dict[str, torch.Tensor] = {"numbers": numbers}
settings: dict[str, dict] = {}


def filled(*shape: int) -> torch.Tensor:
    """Return the shared numbers in a shape, filled row by row with channels (axis 1) last."""
    n, c, *size = shape
    return numbers[: n * c * math.prod(size)].reshape(n, *size, c).movedim(-1, 1)


def record(name: str, layer: nn.Module, size: tuple[int, ...], c_in: int, **given) -> None:
    """Store output and gradients of a layer; weight and bias are the shared numbers too."""
    x = filled(2, c_in, *size).clone().requires_grad_()
    for parameter in layer.parameters():
        values = numbers[: parameter.numel()]
        if parameter.ndim > 1:  # (a, b, *kernel) from (*kernel, b, a)
            a, b, *kernel = parameter.shape
            values = values.reshape(*kernel, b, a).movedim((-1, -2), (0, 1))
        parameter.data.copy_(values)
    y = layer(x)
    (y * filled(*y.shape)).sum().backward()
    arrays[f"{name}.y"], arrays[f"{name}.x.grad"] = y.movedim(1, -1), x.grad.movedim(1, -1)
    for k, parameter in layer.named_parameters():
        gradient = parameter.grad
        if gradient.ndim > 1:
            gradient = gradient.movedim((0, 1), (-1, -2))
        arrays[f"{name}.{k}.grad"] = gradient
    settings[name] = given


CONVOLUTIONS = {
    "padded": {"kernel": (3, 3), "padding": (1, 1)},
    "even": {"kernel": (4, 4), "padding": (1, 1), "stride": (2, 2)},
    "stride": {"kernel": (3, 3), "padding": (1, 1), "stride": (2, 2)},
    "uneven": {"kernel": (2, 3), "padding": (1, 0), "stride": (1, 3)},
    "sparse": {"kernel": (2, 2), "stride": (3, 3)},
    "dilated": {"kernel": (3, 3), "padding": (2, 2), "dilation": (2, 2)},
    "dilated_stride": {"kernel": (3, 2), "dilation": (2, 3), "stride": (2, 2), "padding": (1, 1)},
    "groups": {"kernel": (3, 3), "padding": (1, 1), "groups": 2},
    "groups_stride": {"kernel": (3, 3), "padding": (1, 1), "groups": 2, "stride": (2, 2)},
    "depthwise": {"kernel": (3, 3), "padding": (1, 1), "groups": 4},
    "depthwise_stride": {"kernel": (3, 3), "padding": (1, 1), "groups": 4, "stride": (2, 2)},
    "pointwise": {"kernel": (1, 1)},
    "pointwise_stride": {"kernel": (1, 1), "stride": (2, 2)},
}
for name, given in CONVOLUTIONS.items():
    options = {k: v for k, v in given.items() if k != "kernel"}
    record(f"conv2d.{name}", nn.Conv2d(4, 4, given["kernel"], **options), (6, 5), 4, **given)

one = {"kernel": (3,), "padding": (1,), "stride": (2,)}
record("conv1d.stride", nn.Conv1d(4, 4, 3, padding=1, stride=2), (9,), 4, **one)
one = {"kernel": (2,), "dilation": (3,)}
record("conv1d.dilated", nn.Conv1d(4, 4, 2, dilation=3), (9,), 4, **one)

TRANSPOSED = {
    "plain": {"kernel": (3, 3)},
    "dcgan": {"kernel": (4, 4), "stride": (2, 2), "padding": (1, 1)},
    "output_padding": {
        "kernel": (3, 3),
        "stride": (2, 2),
        "padding": (1, 1),
        "output_padding": (1, 0),
    },
    "sparse": {"kernel": (2, 2), "stride": (3, 3)},
    "dilated": {"kernel": (3, 2), "stride": (2, 1), "dilation": (2, 2), "padding": (1, 0)},
    "groups": {"kernel": (4, 4), "stride": (2, 2), "padding": (1, 1), "groups": 2},
}
for name, given in TRANSPOSED.items():
    options = {k: v for k, v in given.items() if k != "kernel"}
    layer = nn.ConvTranspose2d(4, 2, given["kernel"], **options)
    record(f"transposed.{name}", layer, (3, 2), 4, **given)

POOLING = {
    "plain": {"window": (2, 2)},
    "overlapping": {"window": (3, 3), "stride": (2, 2)},
    "padded": {"window": (3, 3), "stride": (2, 2), "padding": (1, 1)},
    "ceil": {"window": (3, 3), "stride": (2, 2), "ceil": True},
    "dense": {"window": (2, 3), "stride": (1, 1)},
    "gaps": {"window": (2, 2), "stride": (3, 3)},
}
for name, given in POOLING.items():
    options = {
        "kernel_size": given["window"],
        "stride": given.get("stride"),
        "padding": given.get("padding", 0),
        "ceil_mode": given.get("ceil", False),
    }
    record(f"max.{name}", nn.MaxPool2d(**options), (7, 6), 2, **given)
    average = nn.AvgPool2d(**options, count_include_pad=False)
    record(f"average.{name}", average, (7, 6), 2, **given)

path = Path(__file__).parents[2] / "tests" / "oracles" / "convolution.safetensors"
save_file(
    {k: v.detach().contiguous().clone() for k, v in arrays.items()},
    path,
    metadata={"torch": torch.__version__, "settings": json.dumps(settings)},
)
print(path.relative_to(Path.cwd()), path.stat().st_size, "bytes")
