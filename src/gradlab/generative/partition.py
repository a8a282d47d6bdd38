"""The partition function of a restricted Boltzmann machine: exactly, or by annealing."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logsumexp

from gradlab.blas import one_thread

EXACT_UNITS = 16
"""Units of the smaller side up to which all its states are summed over."""

BLOCK = 2048
CHAINS = 100
TEMPERATURES = 2000


@dataclass(frozen=True)
class Energy:
    """E(v, h) = −b·v − c·h − vᵀWh for v of 0 and 1; ½‖v − b‖² − c·h − vᵀWh for normal v.

    Attributes:
        weights: W, (visible, hidden), float64.
        visible, hidden: b and c.
        gaussian: Which of the two.
    """

    weights: Float[np.ndarray, "visible hidden"]
    visible: Float[np.ndarray, " visible"]
    hidden: Float[np.ndarray, " hidden"]
    gaussian: bool

    def free(self, v: Float[np.ndarray, "rows visible"]) -> Float[np.ndarray, " rows"]:
        """Return F(v) = −ln Σ_h exp(−E(v, h)); p(v) = exp(−F(v)) / Z."""
        of_hidden = np.logaddexp(0, v @ self.weights + self.hidden).sum(axis=1)
        if self.gaussian:
            return 0.5 * ((v - self.visible) ** 2).sum(axis=1) - of_hidden
        return -(v @ self.visible) - of_hidden

    @property
    def exact(self) -> bool:
        """Whether one side is small enough to sum over all its states."""
        smaller = len(self.hidden) if self.gaussian else min(self.weights.shape)
        return smaller <= EXACT_UNITS


def log_partition(energy: Energy, seed: int = 0) -> float:
    """Return ln Z: exact where one side has at most 16 units, else estimated by annealing."""
    return exactly(energy) if energy.exact else annealed(energy, seed)[0]


def exactly(energy: Energy) -> float:
    """Return ln Z by summing over all states of the smaller side.

    Z = Σ_h exp(c·h) Π_i (1 + exp(b_i + W_i·h)),   normal: (2π)^(d/2) Σ_h exp(c·h + b·Wh + ½‖Wh‖²)
    """
    weights, near, far = energy.weights.T, energy.hidden, energy.visible
    if not energy.gaussian and len(near) > len(far):
        weights, near, far = energy.weights, energy.visible, energy.hidden
    n, parts = len(near), []
    for start in range(0, 2**n, BLOCK):
        numbers = np.arange(start, min(start + BLOCK, 2**n))
        states = ((numbers[:, None] >> np.arange(n)[None, :]) & 1).astype(np.float64)
        push = states @ weights
        if energy.gaussian:
            of_far = push @ far + 0.5 * (push**2).sum(axis=1)
        else:
            of_far = np.logaddexp(0, push + far).sum(axis=1)
        parts.append(logsumexp(states @ near + of_far))
    normal = 0.5 * len(far) * np.log(2 * np.pi) if energy.gaussian else 0.0
    return float(np.asarray(logsumexp(parts))) + normal


def annealed(
    energy: Energy, seed: int = 0, *, chains: int = CHAINS, temperatures: int = TEMPERATURES
) -> tuple[float, float]:
    """Return an estimate of ln Z, and its standard error over the chains.

    Chains go from a machine without weights (Z known) to this one, β from 0 to 1, and collect what
    each change of β does to their probability.

    Args:
        energy: Of the machine.
        seed: Of the chains.
        chains: How many.
        temperatures: Steps of β.

    Source: Neal 2001; Salakhutdinov and Murray 2008, "On the quantitative analysis of deep belief
    networks", algorithm 1.
    """
    random = np.random.default_rng(seed)
    weights = energy.weights.astype(np.float32)
    visible, hidden = energy.visible.astype(np.float32), energy.hidden.astype(np.float32)
    d, n_hidden = weights.shape
    shape = (chains, d)
    if energy.gaussian:
        v = visible + random.standard_normal(shape, np.float32)
        log_z = 0.5 * d * np.log(2 * np.pi)
    else:
        v = (random.random(shape, np.float32) < expit(visible)).astype(np.float32)
        log_z = float(np.logaddexp(0, energy.visible).sum())
    log_z += n_hidden * np.log(2)
    log_weights = np.zeros(chains)
    betas = np.linspace(0, 1, temperatures + 1)
    push = v @ weights + hidden
    with one_thread():  # small products: BLAS's threads wait longer than they work
        for before, beta in itertools.pairwise(betas.astype(np.float32)):
            after = np.logaddexp(0, beta * push) - np.logaddexp(0, before * push)
            log_weights += after.sum(axis=1, dtype=np.float64)
            h = (random.random(push.shape, np.float32) < expit(beta * push)).astype(np.float32)
            mean = visible + beta * (h @ weights.T)
            if energy.gaussian:
                v = mean + random.standard_normal(shape, np.float32)
            else:
                v = (random.random(shape, np.float32) < expit(mean)).astype(np.float32)
            push = v @ weights + hidden
    estimate = float(np.asarray(logsumexp(log_weights))) - float(np.log(chains))
    ratios = np.exp(log_weights - estimate)
    return log_z + estimate, float(ratios.std(ddof=1) / np.sqrt(chains))
