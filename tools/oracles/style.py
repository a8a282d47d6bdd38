"""Write tests/oracles/style.safetensors: PyTorch's losses of style on SqueezeNet's layers.

Run from the repository with the [peers] extra installed: python tools/oracles/style.py
Weights and pictures are drawn by name from NumPy (`drawn`, repeated in the test), so only what
PyTorch finds is kept: content loss by layer, style loss by layer, total variation, and the gradient
of their weighted sum with respect to the picture; float64.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)

STAGES = {2: (64, 16, 64), 3: (128, 16, 64), 4: (128, 32, 128), 5: (256, 32, 128)}
"""Fire module -> channels in, squeezed, expanded."""

SIZE, STYLE_SIZE = (56, 64), (72, 48)
ALPHA, BETA, GAMMA = 1e-3, 1e-2, 5.0


def drawn(name: str, shape: tuple[int, ...], scale: float) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return (scale * rng.normal(size=shape)).astype(np.float32)


def picture(name: str, size: tuple[int, int]) -> torch.Tensor:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    pixels = rng.uniform(size=(*size, 3)).astype(np.float32)
    return torch.from_numpy(pixels.astype(np.float64))


def convolution(name: str, n_in: int, n_out: int, kernel: int, **options: int) -> nn.Conv2d:
    layer = nn.Conv2d(n_in, n_out, kernel, **options)
    scale = (2 / (n_in * kernel**2)) ** 0.5
    weight = drawn(f"{name}.weight", (n_out, n_in, kernel, kernel), scale)
    layer.weight.data = torch.from_numpy(weight.astype(np.float64))
    layer.bias.data = torch.from_numpy(drawn(f"{name}.bias", (n_out,), 0.1).astype(np.float64))
    return layer


class Fire(nn.Module):
    def __init__(self, number: int):
        super().__init__()
        n_in, squeezed, expanded = STAGES[number]
        self.squeeze = convolution(f"fire{number}.squeeze1x1", n_in, squeezed, 1)
        self.one = convolution(f"fire{number}.expand1x1", squeezed, expanded, 1)
        self.three = convolution(f"fire{number}.expand3x3", squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.squeeze(x))
        return functional.relu(torch.cat([self.one(x), self.three(x)], 1))


LAYERS = {
    "conv1": convolution("conv1", 3, 64, 3, stride=2),
    "relu1": nn.ReLU(),
    "pool1": nn.MaxPool2d(3, 2, ceil_mode=True),
    "fire2": Fire(2),
    "fire3": Fire(3),
    "pool3": nn.MaxPool2d(3, 2, ceil_mode=True),
    "fire4": Fire(4),
    "fire5": Fire(5),
}
CONTENT, STYLE = ("fire4", "fire5"), ("relu1", "fire2", "fire3", "fire5")


def maps(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    mean = torch.tensor((104.0, 117.0, 123.0))
    x = (255 * pixels.flip(-1) - mean).permute(2, 0, 1)[None]
    found = {}
    for name, layer in LAYERS.items():
        x = layer(x)
        found[name] = x[0]
    return found


def gram(of_layer: torch.Tensor) -> torch.Tensor:
    flat = of_layer.flatten(1)
    return flat @ flat.T / flat.numel()


content, style = maps(picture("content", SIZE)), maps(picture("style", STYLE_SIZE))
x = picture("start", SIZE).requires_grad_()
found = maps(x)
content_losses = [0.5 * (found[n] - content[n]).square().sum() for n in CONTENT]
style_losses = [0.25 * (gram(found[n]) - gram(style[n])).square().sum() for n in STYLE]
here = x[:-1, :-1]
variation = ((x[:-1, 1:] - here) ** 2 + (x[1:, :-1] - here) ** 2).sum()
total = ALPHA * sum(content_losses) + BETA * sum(style_losses) + GAMMA * variation / x.numel()
(gradient,) = torch.autograd.grad(total, x)
save_file(
    {
        "content": torch.stack(content_losses).detach(),
        "style": torch.stack(style_losses).detach(),
        "variation": variation.detach() / x.numel(),
        "total": total.detach(),
        "gradient": gradient.contiguous(),
    },
    Path(__file__).parents[2] / "tests" / "oracles" / "style.safetensors",
)
