"""Measures of trained networks and of predictions, with intervals."""

from gradlab.metrics.bias_variance import ACTIONS as ACTIONS
from gradlab.metrics.bias_variance import Fit as Fit
from gradlab.metrics.bias_variance import judge_fit as judge_fit
from gradlab.metrics.calibration import Calibration as Calibration
from gradlab.metrics.calibration import brier as brier
from gradlab.metrics.calibration import calibration as calibration
from gradlab.metrics.calibration import expected_calibration_error as expected_calibration_error
from gradlab.metrics.calibration import log_loss as log_loss
from gradlab.metrics.classification import accuracy as accuracy
from gradlab.metrics.classification import balanced_accuracy as balanced_accuracy
from gradlab.metrics.classification import cohen_kappa as cohen_kappa
from gradlab.metrics.classification import f_score as f_score
from gradlab.metrics.classification import false_alarm_rate as false_alarm_rate
from gradlab.metrics.classification import false_positive_rate as false_positive_rate
from gradlab.metrics.classification import matthews as matthews
from gradlab.metrics.classification import negative_predictive_value as negative_predictive_value
from gradlab.metrics.classification import precision as precision
from gradlab.metrics.classification import recall as recall
from gradlab.metrics.classification import sensitivity as sensitivity
from gradlab.metrics.classification import specificity as specificity
from gradlab.metrics.classification import true_negative_rate as true_negative_rate
from gradlab.metrics.classification import true_positive_rate as true_positive_rate
from gradlab.metrics.clustering import CLUSTERING as CLUSTERING
from gradlab.metrics.clustering import adjusted_rand_index as adjusted_rand_index
from gradlab.metrics.clustering import calinski_harabasz as calinski_harabasz
from gradlab.metrics.clustering import completeness as completeness
from gradlab.metrics.clustering import davies_bouldin as davies_bouldin
from gradlab.metrics.clustering import homogeneity as homogeneity
from gradlab.metrics.clustering import (
    normalized_mutual_information as normalized_mutual_information,
)
from gradlab.metrics.clustering import silhouette as silhouette
from gradlab.metrics.clustering import v_measure as v_measure
from gradlab.metrics.confusion import Cells as Cells
from gradlab.metrics.confusion import ConfusionMatrix as ConfusionMatrix
from gradlab.metrics.confusion import confusion_matrix as confusion_matrix
from gradlab.metrics.curves import Band as Band
from gradlab.metrics.curves import PrecisionRecallCurve as PrecisionRecallCurve
from gradlab.metrics.curves import RocCurve as RocCurve
from gradlab.metrics.curves import auc_interval as auc_interval
from gradlab.metrics.curves import average_precision as average_precision
from gradlab.metrics.curves import average_precision_interval as average_precision_interval
from gradlab.metrics.curves import precision_recall as precision_recall
from gradlab.metrics.curves import precision_recall_band as precision_recall_band
from gradlab.metrics.curves import riemann_auc as riemann_auc
from gradlab.metrics.curves import roc as roc
from gradlab.metrics.curves import roc_auc as roc_auc
from gradlab.metrics.curves import roc_band as roc_band
from gradlab.metrics.drift import Drift as Drift
from gradlab.metrics.drift import drift as drift
from gradlab.metrics.drift import pre_activations as pre_activations
from gradlab.metrics.forecasts import seasonal_naive as seasonal_naive
from gradlab.metrics.images import psnr as psnr
from gradlab.metrics.images import ssim as ssim
from gradlab.metrics.intervals import bootstrap as bootstrap
from gradlab.metrics.intervals import bootstrap_difference as bootstrap_difference
from gradlab.metrics.intervals import interval_of as interval_of
from gradlab.metrics.regression import R2Forms as R2Forms
from gradlab.metrics.regression import max_error as max_error
from gradlab.metrics.regression import mean_absolute_error as mean_absolute_error
from gradlab.metrics.regression import (
    mean_absolute_percentage_error as mean_absolute_percentage_error,
)
from gradlab.metrics.regression import mean_squared_error as mean_squared_error
from gradlab.metrics.regression import median_absolute_error as median_absolute_error
from gradlab.metrics.regression import r2 as r2
from gradlab.metrics.regression import r2_explained as r2_explained
from gradlab.metrics.regression import r2_forms as r2_forms
from gradlab.metrics.regression import root_mean_squared_error as root_mean_squared_error
from gradlab.metrics.resampling import Interval as Interval
from gradlab.metrics.resampling import Resampler as Resampler
from gradlab.metrics.streaming import STREAMING as STREAMING
from gradlab.metrics.streaming import StreamingMeasure as StreamingMeasure
from gradlab.metrics.streaming import streaming_accuracy as streaming_accuracy
from gradlab.metrics.streaming import streaming_auc as streaming_auc
from gradlab.metrics.streaming import streaming_confusion as streaming_confusion
from gradlab.metrics.streaming import streaming_f_score as streaming_f_score
from gradlab.metrics.streaming import streaming_false_negatives as streaming_false_negatives
from gradlab.metrics.streaming import streaming_false_positives as streaming_false_positives
from gradlab.metrics.streaming import streaming_mean as streaming_mean
from gradlab.metrics.streaming import (
    streaming_mean_absolute_error as streaming_mean_absolute_error,
)
from gradlab.metrics.streaming import streaming_mean_squared_error as streaming_mean_squared_error
from gradlab.metrics.streaming import streaming_precision as streaming_precision
from gradlab.metrics.streaming import streaming_r2 as streaming_r2
from gradlab.metrics.streaming import streaming_recall as streaming_recall
from gradlab.metrics.streaming import (
    streaming_root_mean_squared_error as streaming_root_mean_squared_error,
)
from gradlab.metrics.streaming import streaming_specificity as streaming_specificity
from gradlab.metrics.streaming import streaming_true_negatives as streaming_true_negatives
from gradlab.metrics.streaming import streaming_true_positives as streaming_true_positives
from gradlab.metrics.ten_crops import ten_crop_average as ten_crop_average
from gradlab.metrics.ten_crops import ten_crops as ten_crops
from gradlab.metrics.thresholds import ThresholdChoice as ThresholdChoice
from gradlab.metrics.thresholds import best_threshold as best_threshold
from gradlab.metrics.thresholds import best_threshold_for_f as best_threshold_for_f
from gradlab.metrics.thresholds import youden_threshold as youden_threshold
from gradlab.metrics.wilson import wilson as wilson
