"""Write tests/oracles/optimizers.safetensors: PyTorch's paths down an ill-conditioned quadratic.

    python tools/oracles/optimizers.py

f(W, b) = ½ Σ curvature_W · W² + ½ Σ curvature_b · b² + couple · (Σ W) (Σ b), in float64. Every
optimizer starts at the same weights and takes 20 steps at an ordinary and at an absurd learning
rate. NAdam is left out: PyTorch's lets beta1 grow with the step, another variant than ours.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

N_STEPS = 20
TARGET = Path(__file__).parents[2] / "tests" / "oracles" / "optimizers.safetensors"

# name -> (constructor, ordinary learning rate, absurd learning rate)
CASES = {
    "sgd": (lambda p, lr: torch.optim.SGD(p, lr), 0.01, 30.0),
    "momentum": (lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9), 0.01, 30.0),
    "nesterov": (lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True), 0.01, 30.0),
    "adagrad": (lambda p, lr: torch.optim.Adagrad(p, lr, eps=1e-7), 0.1, 1000.0),
    "rmsprop": (lambda p, lr: torch.optim.RMSprop(p, lr, alpha=0.9, eps=1e-8), 0.01, 1000.0),
    "adadelta": (lambda p, lr: torch.optim.Adadelta(p, lr, rho=0.9, eps=1e-6), 1.0, 1000.0),
    "adam": (lambda p, lr: torch.optim.Adam(p, lr), 0.01, 1000.0),
    "adamw": (lambda p, lr: torch.optim.AdamW(p, lr, weight_decay=0.01), 0.01, 1000.0),
}


def main() -> None:
    rng = np.random.default_rng(0)
    problem = {
        "start.weight": rng.standard_normal((3, 4)),
        "start.bias": rng.standard_normal(4),
        "curvature.weight": np.geomspace(0.01, 10, 12).reshape(3, 4),
        "curvature.bias": np.geomspace(0.1, 1, 4),
        "couple": np.array(0.01),
    }
    arrays = dict(problem)
    for name, (make, ordinary, absurd) in CASES.items():
        for case, learning_rate in (("ordinary", ordinary), ("absurd", absurd)):
            path = descend(problem, make, learning_rate)
            arrays[f"{name}.{case}.learning_rate"] = np.array(learning_rate)
            for leaf, values in path.items():
                arrays[f"{name}.{case}.{leaf}"] = values
    save_file(arrays, TARGET, metadata={"made_by": f"torch {torch.__version__}"})


def descend(problem, make, learning_rate) -> dict[str, np.ndarray]:
    """Return the weights after every step, shape (N_STEPS, …) each."""
    weight = torch.tensor(problem["start.weight"], requires_grad=True)
    bias = torch.tensor(problem["start.bias"], requires_grad=True)
    curvature_weight = torch.tensor(problem["curvature.weight"])
    curvature_bias = torch.tensor(problem["curvature.bias"])
    optimizer = make([weight, bias], learning_rate)
    path = {"weight": [], "bias": []}
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        loss = (curvature_weight * weight**2).sum() / 2 + (curvature_bias * bias**2).sum() / 2
        loss = loss + float(problem["couple"]) * weight.sum() * bias.sum()
        loss.backward()
        optimizer.step()
        path["weight"].append(weight.detach().numpy().copy())
        path["bias"].append(bias.detach().numpy().copy())
    return {leaf: np.stack(values) for leaf, values in path.items()}


if __name__ == "__main__":
    main()
