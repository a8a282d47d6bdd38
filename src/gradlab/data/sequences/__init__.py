"""Sequences: series with one answer each, and windows of series to forecast from."""

from gradlab.data.sequences.arrays import sequence_dataset as sequence_dataset
from gradlab.data.sequences.arrays import sequence_features as sequence_features
from gradlab.data.sequences.preprocessor import SequencePreprocessor as SequencePreprocessor
from gradlab.data.sequences.windows import forecast_dataset as forecast_dataset
from gradlab.data.sequences.windows import last_windows as last_windows
