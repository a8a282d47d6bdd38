"""Data: readers, preprocessing and splits. Importing it loads NumPy only."""

from gradlab.data.builtin import BUILTIN
from gradlab.data.dataset import Dataset, FeatureTable, Nominal
from gradlab.data.limits import memory_limit
from gradlab.data.preprocessing import (
    batch_means,
    feature_scale_ratio,
    min_max_scale,
    multivariate_normal_density,
    normal_density,
    one_hot,
    standardize,
    whiten,
)
from gradlab.data.preprocessor import Preprocessor
from gradlab.data.readers import features_like, load_dataset
from gradlab.data.splits import (
    Split,
    epoch_batches,
    folds,
    part_sizes,
    split_rows,
    updates_per_epoch,
)

__all__ = [
    "BUILTIN",
    "Dataset",
    "FeatureTable",
    "Nominal",
    "Preprocessor",
    "Split",
    "batch_means",
    "epoch_batches",
    "feature_scale_ratio",
    "features_like",
    "folds",
    "load_dataset",
    "memory_limit",
    "min_max_scale",
    "multivariate_normal_density",
    "normal_density",
    "one_hot",
    "part_sizes",
    "split_rows",
    "standardize",
    "updates_per_epoch",
    "whiten",
]
