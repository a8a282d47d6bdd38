"""Peer: a study's runs as a PyTorch eager loop, in two worker processes of one thread each.

    python benchmarks/peers/torch_study.py RUNS.json [--sample 60] [--method loop|vmap]

RUNS.json (or "-" for standard input) is a list of runs, each a dictionary with `optimizer`,
`learning_rate`, `init`, `activation`, `norm`, `dropout`, `seed` and, unless they have the values
of the default study, `epochs`, `batch_size` and `hidden`. The data are scikit-learn's digits.

What is done in the peer's favour: fused optimizers where they exist (else the plain loop over
tensors, which is faster than `foreach` on a CPU), one gather an epoch instead of a data loader,
gradients set to None, both workers counted as always busy, a diverged run ended at once.
`--method vmap` trains runs that differ only in their seed as one model with `torch.func.vmap`.

Prints one JSON object. `seconds` is the estimate for all runs: measured on a sample drawn from
every kind of run (optimizer, activation, norm, dropout or none) and scaled kind by kind. Starting
Python and importing torch are not in it; they are in `startup_seconds`.
"""

import argparse
import itertools
import json
import math
import random
import statistics
import sys
import time
from collections import defaultdict
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

WORKERS = 2
GROUPS = 8  # of group normalisation
DEFAULTS = {"epochs": 30, "batch_size": 32, "hidden": [64]}

OPTIMIZERS = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr, fused=True),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, fused=True),
    "nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True, fused=True),
    "adagrad": lambda p, lr: torch.optim.Adagrad(p, lr, fused=True),
    "adadelta": lambda p, lr: torch.optim.Adadelta(p, lr, foreach=False),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr, alpha=0.9, foreach=False),
    "adam": lambda p, lr: torch.optim.Adam(p, lr, fused=True),
    "nadam": lambda p, lr: torch.optim.NAdam(p, lr, foreach=False),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr, fused=True),
}
ACTIVATIONS = {
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "mish": nn.Mish,
}
NORMS = {
    "none": lambda width: None,
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "group": lambda width: nn.GroupNorm(GROUPS, width),
}
# Variance of a weight from its fan-in and fan-out; a name ends in _normal or _uniform.
VARIANCES = {
    "zeros": lambda n_in, n_out: 0.0,
    "constant": lambda n_in, n_out: 0.0,
    "small": lambda n_in, n_out: 0.01**2,
    "lecun": lambda n_in, n_out: 1 / n_in,
    "xavier": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
}


@cache
def load_data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return digits, 60 % for training and 20 % for validation, scaled by the training part."""
    x, y = load_digits(return_X_y=True)
    x, x_rest, y, y_rest = train_test_split(x, y, train_size=0.6, stratify=y, random_state=0)
    x_validation, _, y_validation, _ = train_test_split(
        x_rest, y_rest, train_size=0.5, stratify=y_rest, random_state=0
    )
    scaler = StandardScaler().fit(x)

    parts = scaler.transform(x), y, scaler.transform(x_validation), y_validation
    x, y, x_validation, y_validation = map(torch.from_numpy, parts)
    return x.float(), y, x_validation.float(), y_validation


def initialise(linear: nn.Linear, rule: str) -> None:
    """Fill the weights by the named rule; biases start at zero."""
    family, _, shape = rule.partition("_")
    deviation = math.sqrt(VARIANCES[family](linear.in_features, linear.out_features))
    if rule == "constant":
        nn.init.constant_(linear.weight, 0.1)
    elif shape.startswith("uniform"):
        nn.init.uniform_(linear.weight, -math.sqrt(3) * deviation, math.sqrt(3) * deviation)
    else:
        nn.init.normal_(linear.weight, std=deviation)
    nn.init.zeros_(linear.bias)


def build(run: dict, n_in: int, n_out: int) -> nn.Sequential:
    """Return the network of a run; its seed draws the weights."""
    torch.manual_seed(run["seed"])
    layers: list[nn.Module] = []
    for width in run["hidden"]:
        layers.append(nn.Linear(n_in, width))
        norm = NORMS[run["norm"]](width)
        layers += [layer for layer in (norm, ACTIVATIONS[run["activation"]]()) if layer]
        if run["dropout"]:
            layers.append(nn.Dropout(run["dropout"]))
        n_in = width
    layers.append(nn.Linear(n_in, n_out))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            initialise(layer, run["init"])
    return nn.Sequential(*layers)


def train_alone(run: dict) -> list[float]:
    """Train one run; return its final validation accuracy (in a list of one)."""
    x, y, x_validation, y_validation = load_data()
    model = build(run, x.shape[1], 10)
    optimizer = OPTIMIZERS[run["optimizer"]](model.parameters(), run["learning_rate"])
    accuracy = 0.0
    for _ in range(run["epochs"]):
        order = torch.randperm(len(x))
        batches = zip(
            x.index_select(0, order).split(run["batch_size"]),
            y.index_select(0, order).split(run["batch_size"]),
            strict=True,
        )
        model.train()
        losses = []
        for x_batch, y_batch in batches:
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(x_batch), y_batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        train_loss = torch.stack(losses).mean().item()
        model.eval()
        with torch.inference_mode():
            scores = model(x_validation)
            validation_loss = functional.cross_entropy(scores, y_validation).item()
            accuracy = (scores.argmax(1) == y_validation).float().mean().item()
        if not math.isfinite(train_loss + validation_loss):
            break
    return [accuracy]


def train_together(runs: list[dict]) -> list[float]:
    """Train runs that differ only in their seed as one stacked model; return their accuracies.

    The optimizers work element by element, so the gradient of the summed losses of independent
    members is each member's own, and one fused step on the stacked weights serves them all.
    """
    x, y, x_validation, y_validation = load_data()
    run, members = runs[0], len(runs)
    models = [build(each, x.shape[1], 10) for each in runs]
    skeleton = models[0]
    weights, buffers = stack_module_state(models)
    optimizer = OPTIMIZERS[run["optimizer"]](list(weights.values()), run["learning_rate"])

    def scores_of(own_weights, own_buffers, x_batch):
        return functional_call(skeleton, (own_weights, own_buffers), (x_batch,))

    def loss_of(own_weights, own_buffers, x_batch, y_batch):
        return functional.cross_entropy(scores_of(own_weights, own_buffers, x_batch), y_batch)

    losses_of = vmap(loss_of, randomness="different")
    evaluate = vmap(scores_of, in_dims=(0, 0, None))
    accuracies = [0.0] * members
    for _ in range(run["epochs"]):
        orders = torch.stack([torch.randperm(len(x)) for _ in runs])
        batches = zip(
            x[orders].split(run["batch_size"], dim=1),
            y[orders].split(run["batch_size"], dim=1),
            strict=True,
        )
        skeleton.train()
        losses = []
        for x_batch, y_batch in batches:
            optimizer.zero_grad(set_to_none=True)
            loss = losses_of(weights, buffers, x_batch, y_batch)
            loss.sum().backward()
            optimizer.step()
            losses.append(loss.detach())
        train_loss = torch.stack(losses).mean(0)
        skeleton.eval()
        with torch.inference_mode():
            scores = evaluate(weights, buffers, x_validation)
            targets = y_validation.expand(members, -1)
            by_row = functional.cross_entropy(scores.mT, targets, reduction="none")
            validation_loss = by_row.mean(1)
            accuracies = (scores.argmax(2) == targets).float().mean(1).tolist()
        if not torch.isfinite(train_loss + validation_loss).any():
            break
    return accuracies


def timed(job: list[dict], method: str) -> tuple[float, list[float]]:
    """Return the seconds of a job and the accuracies that it ended with."""
    start = time.perf_counter()
    accuracies = train_alone(job[0]) if method == "loop" else train_together(job)
    return time.perf_counter() - start, accuracies


def as_jobs(runs: list[dict], method: str) -> list[list[dict]]:
    """Return what is trained at once: each run by itself, or all seeds of a setting."""
    if method == "loop":
        return [[run] for run in runs]
    groups = defaultdict(list)
    for run in runs:
        setting = json.dumps({k: v for k, v in run.items() if k != "seed"}, sort_keys=True)
        groups[setting].append(run)
    return list(groups.values())


def kind(job: list[dict]) -> tuple:
    """Return what makes the jobs of a kind equally expensive."""
    run = job[0]
    structure = (run["optimizer"], run["activation"], run["norm"], run["dropout"] > 0)
    size = (tuple(run["hidden"]), run["batch_size"], run["epochs"], len(job))
    return structure + size


def draw_sample(jobs: list[list[dict]], size: int) -> list[list[dict]]:
    """Draw about `size` jobs, at least one of every kind, the kinds by their share."""
    rng = random.Random(0)
    kinds = defaultdict(list)
    for job in jobs:
        kinds[kind(job)].append(job)
    sample = []
    for members in kinds.values():
        share = max(1, round(size * len(members) / len(jobs)))
        sample += rng.sample(members, min(share, len(members)))
    rng.shuffle(sample)  # so that a slow minute of the machine does not fall on one kind
    return sample


def start_worker() -> None:
    """Give the worker one thread, load the data and pay every first-call cost."""
    torch.set_num_threads(1)
    warm_up = DEFAULTS | {"epochs": 1, "learning_rate": 1e-3, "seed": 0, "dropout": 0.0}
    warm_up |= {"optimizer": "adam", "init": "he_normal", "activation": "relu", "norm": "none"}
    train_alone(warm_up)
    train_together([warm_up, warm_up])


def report_ready(_: int) -> float:
    time.sleep(0.2)  # long enough that each worker answers once
    return time.time()


def measure(jobs: list[list[dict]], size: int | None, method: str) -> dict:
    """Time a sample of the jobs on two workers and scale it to all of them."""
    sample = jobs if size is None else draw_sample(jobs, size)
    started = time.time()
    with get_context("spawn").Pool(WORKERS, start_worker) as pool:
        startup = max(pool.map(report_ready, range(WORKERS), chunksize=1)) - started - 0.2
        tasks = zip(sample, itertools.repeat(method), strict=False)
        results = pool.starmap(timed, tasks, chunksize=1)

    seconds_of, accuracies_of = defaultdict(list), defaultdict(list)
    for job, (seconds, accuracies) in zip(sample, results, strict=True):
        seconds_of[kind(job)].append(seconds)
        accuracies_of[kind(job)] += accuracies
    jobs_of = defaultdict(list)
    for job in jobs:
        jobs_of[kind(job)].append(job)
    total = sum(statistics.mean(seconds_of[key]) * len(jobs_of[key]) for key in jobs_of)
    return {
        "peer": f"PyTorch {torch.__version__}, eager {method}, {WORKERS} processes",
        "runs": sum(map(len, jobs)),
        "measured_runs": sum(map(len, sample)),
        "seconds": round(total / WORKERS, 2),
        "startup_seconds": round(startup, 2),
        "kinds": [
            {
                "kind": list(key[:4]),
                "runs_at_once": key[-1],
                "runs": sum(map(len, members)),
                "measured_runs": len(accuracies_of[key]),
                "seconds_per_run": round(statistics.mean(seconds_of[key]) / key[-1], 4),
                "accuracy": round(statistics.mean(accuracies_of[key]), 4),
            }
            for key, members in jobs_of.items()
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", help='JSON file with the runs, "-" for standard input')
    parser.add_argument("--sample", type=int, help="measure about so many jobs (default: all)")
    parser.add_argument("--method", choices=["loop", "vmap"], default="loop")
    arguments = parser.parse_args()

    text = sys.stdin.read() if arguments.runs == "-" else Path(arguments.runs).read_text()
    runs = [DEFAULTS | run for run in json.loads(text)]
    print(json.dumps(measure(as_jobs(runs, arguments.method), arguments.sample, arguments.method)))


if __name__ == "__main__":
    main()
