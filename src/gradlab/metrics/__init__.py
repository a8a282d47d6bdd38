"""Measures of trained networks; scores themselves come with the task."""

from gradlab.metrics.bias_variance import ACTIONS as ACTIONS
from gradlab.metrics.bias_variance import Fit as Fit
from gradlab.metrics.bias_variance import judge_fit as judge_fit
from gradlab.metrics.drift import Drift as Drift
from gradlab.metrics.drift import drift as drift
from gradlab.metrics.drift import pre_activations as pre_activations
from gradlab.metrics.forecasts import seasonal_naive as seasonal_naive
from gradlab.metrics.ten_crops import ten_crop_average as ten_crop_average
from gradlab.metrics.ten_crops import ten_crops as ten_crops
