"""Write tests/oracles/recurrent.safetensors: what PyTorch's recurrent modules give.

Run from the repository with the [peers] extra installed: python tools/oracles/recurrent.py
All in float64 on sequences of unlike length; `x.grad` and the like are gradients of
sum(output * cotangent) + sum(final states * their cotangents).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
TIME, BATCH, FEATURES, UNITS = 6, 4, 3, 5
LENGTHS = torch.tensor([6, 1, 4, 3])
arrays: dict[str, torch.Tensor] = {"lengths": LENGTHS.to(torch.int32)}

MODULES = {
    "rnn": nn.RNN(FEATURES, UNITS),
    "rnn_relu": nn.RNN(FEATURES, UNITS, nonlinearity="relu"),
    "lstm": nn.LSTM(FEATURES, UNITS),
    "gru": nn.GRU(FEATURES, UNITS),
    "bidirectional_lstm": nn.LSTM(FEATURES, UNITS, bidirectional=True),
    "stacked_gru": nn.GRU(FEATURES, UNITS, num_layers=2),
}
for name, module in MODULES.items():
    is_lstm = isinstance(module, nn.LSTM)
    n_states = module.num_layers * (2 if module.bidirectional else 1)
    start = [
        torch.randn(n_states, BATCH, UNITS).requires_grad_() for _ in range(2 if is_lstm else 1)
    ]
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(TIME, BATCH, FEATURES).requires_grad_()
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    outputs, final = module(packed, tuple(start) if is_lstm else start[0])
    outputs, _ = pad_packed_sequence(outputs, total_length=TIME)
    final = list(final) if is_lstm else [final]
    cotangents = [torch.randn_like(each) for each in (outputs, *final)]
    total = sum((a * b).sum() for a, b in zip((outputs, *final), cotangents, strict=True))
    total.backward()
    arrays |= {f"{name}.x": x, f"{name}.x.grad": x.grad, f"{name}.outputs": outputs}
    arrays[f"{name}.outputs.cotangent"] = cotangents[0]
    for state, initial, last, cotangent in zip(("h", "c"), start, final, cotangents[1:]):  # noqa: B905
        arrays |= {
            f"{name}.{state}0": initial,
            f"{name}.{state}0.grad": initial.grad,
            f"{name}.{state}": last,
            f"{name}.{state}.cotangent": cotangent,
        }
    for key, parameter in module.named_parameters():
        arrays |= {f"{name}.{key}": parameter, f"{name}.{key}.grad": parameter.grad}

embedding = nn.Embedding(6, 4, padding_idx=2)
tokens = torch.tensor([[0, 2, 5], [5, 5, 1]])
vectors = embedding(tokens)
cotangent = torch.randn_like(vectors)
(vectors * cotangent).sum().backward()
arrays |= {
    "embedding.tokens": tokens.to(torch.int32),
    "embedding.weight": embedding.weight,
    "embedding.vectors": vectors,
    "embedding.cotangent": cotangent,
    "embedding.weight.grad": embedding.weight.grad,
}

path = Path(__file__).parents[2] / "tests" / "oracles" / "recurrent.safetensors"
save_file(
    {k: v.detach().contiguous().clone() for k, v in arrays.items()},
    path,
    metadata={"torch": torch.__version__},
)
print(path.relative_to(Path.cwd()), path.stat().st_size, "bytes")
