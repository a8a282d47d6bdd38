"""Types of the numbers that techniques take, with the range that each allows.

A technique's function annotates its keyword parameters with these. The recipe reads the ranges
from the annotation and checks them before anything is traced; the function itself never does,
because inside a compiled program its arguments are traced arrays and a Python `if` fails.
"""

from typing import Annotated

import numpy as np
from annotated_types import Interval
from jaxtyping import Array, Float, Integer

Scalar = float | int | np.floating | np.integer | Float[Array, ""] | Integer[Array, ""]
"""A Python, NumPy or (possibly traced) JAX number."""

Positive = Annotated[Scalar, Interval(gt=0)]
NonNegative = Annotated[Scalar, Interval(ge=0)]
Decay = Annotated[Scalar, Interval(ge=0, lt=1)]
"""A share of the past that is kept: 0 <= decay < 1."""
Share = Annotated[Scalar, Interval(ge=0, le=1)]
Real = Annotated[Scalar, Interval()]
