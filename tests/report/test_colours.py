"""The colours of levels stand out from the page, and from each other for every kind of eye."""

import re
from importlib import resources
from itertools import combinations

import numpy as np
import pytest

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def colours(side: int) -> dict[str, np.ndarray]:
    """Read the light (0) or dark (1) colours of the page as linear RGB."""
    css = resources.files("gradlab.report").joinpath("page.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--(\w+): light-dark\(#(\w{6}), #(\w{6})\)", css)
    return {name: linear(both[side]) for name, *both in pairs}


def linear(hexadecimal: str) -> np.ndarray:
    v = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8) / 255
    return np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    """WCAG 2 contrast ratio."""
    low, high = sorted(float(TO_XYZ[1] @ colour) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(np.clip(TO_XYZ @ rgb / [0.9505, 1, 1.089], 1e-4, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_page(side):
    palette = colours(side)
    assert contrast(palette["ink"], palette["paper"]) > 12
    assert contrast(palette["muted"], palette["paper"]) > 4.5
    assert contrast(palette["muted"], palette["raised"]) > 4.5
    assert contrast(palette["accent"], palette["paper"]) > 4.5
    assert contrast(palette["warn"], palette["paper"]) > 4.5
    for i in range(8):
        assert contrast(palette[f"c{i}"], palette["paper"]) > 3


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_levels_stay_apart(vision, side):
    seen = [np.clip(VISION[vision] @ colours(side)[f"c{i}"], 0, 1) for i in range(8)]
    # CIE 1976 difference; about 2.3 is just noticeable.
    closest = min(np.linalg.norm(lab(a) - lab(b)) for a, b in combinations(seen, 2))
    assert closest > 20
