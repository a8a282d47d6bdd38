"""scikit-learn's checks of tables, without its annotations, which promise less than they return."""

from typing import Any

import numpy as np
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

FLOATS = (np.float64, np.float32)
"""Kinds of numbers that are kept; all others become float64."""

checked_array: Any = check_array
checked_pair: Any = check_X_y
checked_rows: Any = validate_data
