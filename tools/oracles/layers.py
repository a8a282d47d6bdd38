"""Write tests/oracles/layers.safetensors: what PyTorch gives for layers, activations and losses.

Run from the repository with the [peers] extra installed: python tools/oracles/layers.py
All in float64; `x.grad` and the like are gradients of sum(output * cotangent).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as f

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
arrays: dict[str, torch.Tensor] = {}


def record(name: str, layer: nn.Module, x: torch.Tensor) -> None:
    """Store input, parameters, output and gradients of a layer; channels go last."""
    x = x.clone().requires_grad_()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    y = layer(x)
    cotangent = torch.randn_like(y)
    (y * cotangent).sum().backward()
    parts = {"x": x, "y": y, "cotangent": cotangent, "x.grad": x.grad}
    arrays.update({f"{name}.{k}": v.movedim(1, -1) for k, v in parts.items()})
    for k, parameter in layer.named_parameters():
        arrays[f"{name}.{k}"] = parameter
        arrays[f"{name}.{k}.grad"] = parameter.grad


# Batch norm: two training steps, then evaluation with the running averages.
batch_norm = nn.BatchNorm1d(4)
for step in range(2):
    record(f"batch_norm.train{step}", batch_norm, 3 + 2 * torch.randn(6, 4))
    batch_norm.zero_grad()
    arrays[f"batch_norm.mean{step}"] = batch_norm.running_mean
    arrays[f"batch_norm.variance{step}"] = batch_norm.running_var
    arrays = {k: v.clone() for k, v in arrays.items()}
batch_norm.eval()
record("batch_norm.eval", batch_norm, torch.randn(5, 4))

record("layer_norm", nn.LayerNorm(8), 5 + torch.randn(3, 8))
record("group_norm", nn.GroupNorm(2, 8), 5 + torch.randn(3, 8))
record("group_norm_image", nn.GroupNorm(3, 6), torch.randn(2, 6, 3, 2))
record("instance_norm", nn.InstanceNorm2d(3, affine=True), torch.randn(2, 3, 4, 2))
record("prelu", nn.PReLU(4), torch.randn(5, 4))

grid = torch.linspace(-6, 6, 40)
activations = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": f.leaky_relu,
    "elu": f.elu,
    "selu": f.selu,
    "gelu": f.gelu,
    "silu": f.silu,
    "softplus": f.softplus,
    "mish": f.mish,
}
arrays["activation.x"] = grid
for name, function in activations.items():
    x = grid.clone().requires_grad_()
    y = function(x)
    y.sum().backward()
    arrays[f"activation.{name}.y"], arrays[f"activation.{name}.slope"] = y, x.grad

rows = 6
row_weights = torch.rand(rows)
arrays["loss.weights"] = row_weights
losses = {
    "squared_error": (
        torch.randn(rows, 3),
        torch.randn(rows, 3),
        lambda s, t: f.mse_loss(s, t, reduction="none").sum(1),
    ),
    "binary_cross_entropy": (
        10 * torch.randn(rows, 1),
        torch.randint(0, 2, (rows,)),
        lambda s, t: f.binary_cross_entropy_with_logits(s[:, 0], t.double(), reduction="none"),
    ),
    "cross_entropy": (
        10 * torch.randn(rows, 5),
        torch.randint(0, 5, (rows,)),
        lambda s, t: f.cross_entropy(s, t, reduction="none"),
    ),
}
for name, (scores, targets, function) in losses.items():
    scores.requires_grad_()
    total = (row_weights * function(scores, targets)).sum()
    total.backward()
    targets = targets if targets.is_floating_point() else targets.to(torch.int32)
    arrays.update(
        {
            f"loss.{name}.scores": scores,
            f"loss.{name}.targets": targets,
            f"loss.{name}.total": total,
            f"loss.{name}.grad": scores.grad,
        }
    )

path = Path(__file__).parents[2] / "tests" / "oracles" / "layers.safetensors"
save_file(
    {k: v.detach().contiguous().clone() for k, v in arrays.items()},
    path,
    metadata={"torch": torch.__version__},
)
print(path.relative_to(Path.cwd()), path.stat().st_size, "bytes")
