"""Data on a curve, and small images."""

import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """Return 8x8 grey images from 0 to 1 as rows, float32, and their labels."""
    data = load_digits()
    return (data.data / 16).astype(np.float32), data.target


@pytest.fixture(scope="session")
def arc():
    """Return 400 points of three quarters of a circle, with a little noise."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 1.5 * np.pi, 400)
    on_circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (on_circle + 0.02 * rng.normal(size=(400, 2))).astype(np.float32)
