"""The small tables on which a perceptron is explained.

Every table is a pair: inputs of shape (rows, 2) and binary labels of shape (rows,).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gradlab.scalars import Scalar


class Table(NamedTuple):
    """Inputs and their labels 0 or 1; `signed` gives the same labels as -1 and +1."""

    inputs: Float[np.ndarray, "rows 2"]
    labels: Int[np.ndarray, " rows"]

    @property
    def signed(self) -> Int[np.ndarray, " rows"]:
        """Return the labels as -1 and +1."""
        return 2 * self.labels - 1


def _table(*rows: tuple[Scalar, Scalar, int]) -> Table:
    inputs = np.array([row[:2] for row in rows], dtype=float)
    labels = np.array([row[2] for row in rows])
    for array in (inputs, labels):  # shared by every reader, so nobody may change them
        array.setflags(write=False)
    return Table(inputs, labels)


OR = _table((0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
AND = _table((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1))
XOR = _table((0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0))

WEATHER = _table(
    (0.8, 0.6, 1),
    (0.6, 0.9, 1),
    (0.1, 0.2, 0),
    (0.3, 0.1, 0),
    (0.6, 0.6, 1),
    (0.4, 0.3, 0),
    (0.1, 0.2, 0),
)
"""Amount of cloud and strength of wind, 0 to 1; label 1 is rain, 0 a clear sky.

Row 1 is twice row 6 and has the other label, so no perceptron without a bias fits the table.
"""
