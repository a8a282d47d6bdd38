"""Data: readers, preprocessing and splits. Importing it loads NumPy only."""

from gradlab.data.builtin import BUILTIN
from gradlab.data.dataset import Dataset, FeatureTable, Nominal
from gradlab.data.fitting import AnyPreprocessor, fit_preprocessor, preprocessor_from_dict
from gradlab.data.images import list_images, unlabelled_images
from gradlab.data.images.preprocessor import ImagePreprocessor
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
from gradlab.data.sequences import (
    SequencePreprocessor,
    forecast_dataset,
    last_windows,
    sequence_dataset,
    sequence_features,
)
from gradlab.data.splits import (
    Split,
    epoch_batches,
    folds,
    part_sizes,
    split_rows,
    updates_per_epoch,
)
from gradlab.data.text import (
    TextPreprocessor,
    Vocabulary,
    in_vocabulary,
    next_token_dataset,
    text_dataset,
    text_features,
)

__all__ = [
    "BUILTIN",
    "AnyPreprocessor",
    "Dataset",
    "FeatureTable",
    "ImagePreprocessor",
    "Nominal",
    "Preprocessor",
    "SequencePreprocessor",
    "Split",
    "TextPreprocessor",
    "Vocabulary",
    "batch_means",
    "epoch_batches",
    "feature_scale_ratio",
    "features_like",
    "fit_preprocessor",
    "folds",
    "forecast_dataset",
    "in_vocabulary",
    "last_windows",
    "list_images",
    "load_dataset",
    "memory_limit",
    "min_max_scale",
    "multivariate_normal_density",
    "next_token_dataset",
    "normal_density",
    "one_hot",
    "part_sizes",
    "preprocessor_from_dict",
    "sequence_dataset",
    "sequence_features",
    "split_rows",
    "standardize",
    "text_dataset",
    "text_features",
    "unlabelled_images",
    "updates_per_epoch",
    "whiten",
]
