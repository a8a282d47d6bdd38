"""Write tests/oracles/weight_file.pth: a checkpoint as PyTorch writes it.

Run from the repository with the [peers] extra installed: python tools/oracles/weight_file.py
The checkpoint of a network wrapped in DataParallel, float64, beside its epoch and optimizer.
weight_file.safetensors holds what the network says: images x (channels last), the outputs y in eval
mode, and the gradient of sum(y * cotangent).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

network = nn.Sequential(
    nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
    nn.BatchNorm2d(4),
    nn.ReLU(),
    nn.Conv2d(4, 6, 3, padding=1, groups=2),
    nn.ReLU(),
    nn.ConvTranspose2d(6, 5, (4, 2), stride=2, padding=(1, 0)),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(5 * 6 * 8, 7),
    nn.LayerNorm(7),
    nn.Linear(7, 7),
)
network(torch.randn(16, 3, 6, 8))  # moves the running averages
optimizer = torch.optim.Adam(network.parameters())
network(torch.randn(16, 3, 6, 8)).square().sum().backward()
optimizer.step()
network.eval()

x = torch.randn(2, 3, 6, 8, requires_grad=True)
y = network(x)
cotangent = torch.randn_like(y)
(gradient,) = torch.autograd.grad((y * cotangent).sum(), x)

folder = Path(__file__).parents[2] / "tests" / "oracles"
checkpoint = {
    "epoch": 3,
    "state_dict": nn.DataParallel(network).state_dict(),
    "optimizer": optimizer.state_dict(),
    "loss": 0.25,
}
torch.save(checkpoint, folder / "weight_file.pth")
arrays = {
    "x": x.detach().permute(0, 2, 3, 1),
    "y": y.detach(),
    "cotangent": cotangent,
    "x.grad": gradient.permute(0, 2, 3, 1),
}
save_file(
    {name: a.contiguous() for name, a in arrays.items()},
    folder / "weight_file.safetensors",
    metadata={"torch": torch.__version__},
)
for name in ("weight_file.pth", "weight_file.safetensors"):
    print(name, (folder / name).stat().st_size, "bytes")
