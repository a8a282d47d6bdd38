"""Write tests/oracles/projected_lstm.safetensors: PyTorch's LSTM with a projected output.

Run from the repository with the [peers] extra installed: python tools/oracles/projected_lstm.py
In float64; `x.grad` and the like are gradients of sum(y * cotangent) + sum(c**2), where c is the
last memory.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

lstm = torch.nn.LSTM(4, 5, proj_size=2, batch_first=True)
for parameter in lstm.parameters():
    torch.nn.init.normal_(parameter, std=0.5)
x = torch.randn(3, 6, 4, requires_grad=True)
start = (torch.randn(1, 3, 2, requires_grad=True), torch.randn(1, 3, 5, requires_grad=True))
y, (_, c) = lstm(x, start)
cotangent = torch.randn_like(y)
((y * cotangent).sum() + (c**2).sum()).backward()

arrays = {"x": x, "h0": start[0], "c0": start[1], "y": y, "c": c, "cotangent": cotangent}
arrays.update({name.removesuffix("_l0"): p for name, p in lstm.named_parameters()})
arrays.update(
    {f"{name}.grad": a.grad for name, a in list(arrays.items()) if a.is_leaf and a.grad is not None}
)

path = Path(__file__).parents[2] / "tests" / "oracles" / "projected_lstm.safetensors"
save_file(
    {name: a.detach().contiguous().clone() for name, a in arrays.items()},
    path,
    metadata={"torch": torch.__version__},
)
print(path.relative_to(Path.cwd()), path.stat().st_size, "bytes")
