"""Gradlab: a deep-learning laboratory.

    import gradlab as gl

    study = gl.compare("digits", vary={"optimizer": ["sgd", "adam"]})
    study.ranking("optimizer")

Importing the package loads nothing heavy; each name is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Dataset": "gradlab.data",
    "load_dataset": "gradlab.data",
    "Backtest": "gradlab.estimators",
    "CharLanguageModel": "gradlab.estimators",
    "ConvClassifier": "gradlab.estimators",
    "ConvRegressor": "gradlab.estimators",
    "Forecaster": "gradlab.estimators",
    "MLPClassifier": "gradlab.estimators",
    "MLPRegressor": "gradlab.estimators",
    "Perceptron": "gradlab.estimators",
    "RecurrentClassifier": "gradlab.estimators",
    "RecurrentRegressor": "gradlab.estimators",
    "TextClassifier": "gradlab.estimators",
    "Autoencoder": "gradlab.autoencoder",
    "StackedAutoencoder": "gradlab.autoencoder",
    "KMeans": "gradlab.cluster",
    "FuzzyKMeans": "gradlab.cluster",
    "choose_n_clusters": "gradlab.cluster",
    "segment_colours": "gradlab.cluster",
    "PCA": "gradlab.decomposition",
    "PCANetwork": "gradlab.decomposition",
    "EigenFaces": "gradlab.decomposition",
    "FisherDiscriminant": "gradlab.decomposition",
    "KernelPCA": "gradlab.decomposition",
    "PolynomialPCA": "gradlab.decomposition",
    "CorrelationMerge": "gradlab.decomposition",
    "FactorAnalysis": "gradlab.decomposition",
    "compress_image": "gradlab.decomposition",
    "cluster_study": "gradlab.lab.clustering.study",
    "segmentation_study": "gradlab.lab.photos.segmentation",
    "reduction_study": "gradlab.lab.reduction.study",
    "compression_study": "gradlab.lab.photos.compression",
    "score_study": "gradlab.lab.scoring.study",
    "score_predictions": "gradlab.lab.scoring.scores",
    "Recipe": "gradlab.training.recipe",
    "Dense": "gradlab.training.layers",
    "Conv": "gradlab.training.layers",
    "Own": "gradlab.training.layers",
    "Pool": "gradlab.training.layers",
    "network_table": "gradlab.training.network",
    "Study": "gradlab.lab.study",
    "Tuning": "gradlab.lab.question",
    "Source": "gradlab.lab.question",
    "compare": "gradlab.lab.compare",
    "cross_validate": "gradlab.lab.cross_validation",
    "learning_curve": "gradlab.lab.model_curves",
    "validation_curve": "gradlab.lab.model_curves",
    "resume": "gradlab.lab.compare",
    "open_study": "gradlab.lab.study",
    "per_example": "gradlab.nn.per_example",
    "load_weights": "gradlab.nn.loading",
    "train": "gradlab.lab.train",
    "load_model": "gradlab.training.model",
    "diagnose": "gradlab.doctor.calls",
    "cure": "gradlab.doctor.calls",
    "check_before_training": "gradlab.doctor.calls",
    "explain": "gradlab.explanation",
    "InverseTransform": "gradlab.generative",
    "MixtureOfGaussians": "gradlab.generative",
    "NaiveBayes": "gradlab.generative",
    "HiddenMarkov": "gradlab.generative",
    "BoltzmannMachine": "gradlab.generative",
    "GAN": "gradlab.generative.gan",
    "DCGAN": "gradlab.generative.gan",
    "generate_study": "gradlab.lab.generation.asking",
    "transfer_style": "gradlab.style",
    "invert_features": "gradlab.style",
    "style_study": "gradlab.lab.styling.study",
    "DQN": "gradlab.rl.deep",
    "act_study": "gradlab.lab.acting.asking",
    "descend_surfaces": "gradlab.explanation.descents",
    "loss_surface": "gradlab.explanation.loss_surface",
    "configure": "gradlab.process",
}

_FOLDERS = (
    "nn",
    "optim",
    "data",
    "metrics",
    "plots",
    "training",
    "estimators",
    "autoencoder",
    "cluster",
    "decomposition",
    "generative",
    "style",
    "rl",
    "lab",
    "doctor",
    "explanation",
    "report",
    "errors",
)

__all__ = ["__version__", *_HOMES, *_FOLDERS]

if TYPE_CHECKING:
    from gradlab.autoencoder import Autoencoder as Autoencoder
    from gradlab.autoencoder import StackedAutoencoder as StackedAutoencoder
    from gradlab.cluster import FuzzyKMeans as FuzzyKMeans
    from gradlab.cluster import KMeans as KMeans
    from gradlab.cluster import choose_n_clusters as choose_n_clusters
    from gradlab.cluster import segment_colours as segment_colours
    from gradlab.data import Dataset as Dataset
    from gradlab.data import load_dataset as load_dataset
    from gradlab.decomposition import PCA as PCA
    from gradlab.decomposition import CorrelationMerge as CorrelationMerge
    from gradlab.decomposition import EigenFaces as EigenFaces
    from gradlab.decomposition import FactorAnalysis as FactorAnalysis
    from gradlab.decomposition import FisherDiscriminant as FisherDiscriminant
    from gradlab.decomposition import KernelPCA as KernelPCA
    from gradlab.decomposition import PCANetwork as PCANetwork
    from gradlab.decomposition import PolynomialPCA as PolynomialPCA
    from gradlab.decomposition import compress_image as compress_image
    from gradlab.doctor.calls import check_before_training as check_before_training
    from gradlab.doctor.calls import cure as cure
    from gradlab.doctor.calls import diagnose as diagnose
    from gradlab.estimators import Backtest as Backtest
    from gradlab.estimators import CharLanguageModel as CharLanguageModel
    from gradlab.estimators import ConvClassifier as ConvClassifier
    from gradlab.estimators import ConvRegressor as ConvRegressor
    from gradlab.estimators import Forecaster as Forecaster
    from gradlab.estimators import MLPClassifier as MLPClassifier
    from gradlab.estimators import MLPRegressor as MLPRegressor
    from gradlab.estimators import Perceptron as Perceptron
    from gradlab.estimators import RecurrentClassifier as RecurrentClassifier
    from gradlab.estimators import RecurrentRegressor as RecurrentRegressor
    from gradlab.estimators import TextClassifier as TextClassifier
    from gradlab.explanation import explain as explain
    from gradlab.explanation.descents import descend_surfaces as descend_surfaces
    from gradlab.explanation.loss_surface import loss_surface as loss_surface
    from gradlab.generative import BoltzmannMachine as BoltzmannMachine
    from gradlab.generative import HiddenMarkov as HiddenMarkov
    from gradlab.generative import InverseTransform as InverseTransform
    from gradlab.generative import MixtureOfGaussians as MixtureOfGaussians
    from gradlab.generative import NaiveBayes as NaiveBayes
    from gradlab.generative.gan import DCGAN as DCGAN
    from gradlab.generative.gan import GAN as GAN
    from gradlab.lab.acting.asking import act_study as act_study
    from gradlab.lab.clustering.study import cluster_study as cluster_study
    from gradlab.lab.compare import compare as compare
    from gradlab.lab.compare import resume as resume
    from gradlab.lab.cross_validation import cross_validate as cross_validate
    from gradlab.lab.generation.asking import generate_study as generate_study
    from gradlab.lab.model_curves import learning_curve as learning_curve
    from gradlab.lab.model_curves import validation_curve as validation_curve
    from gradlab.lab.photos.compression import compression_study as compression_study
    from gradlab.lab.photos.segmentation import segmentation_study as segmentation_study
    from gradlab.lab.question import Source as Source
    from gradlab.lab.question import Tuning as Tuning
    from gradlab.lab.reduction.study import reduction_study as reduction_study
    from gradlab.lab.scoring.scores import score_predictions as score_predictions
    from gradlab.lab.scoring.study import score_study as score_study
    from gradlab.lab.study import Study as Study
    from gradlab.lab.study import open_study as open_study
    from gradlab.lab.styling.study import style_study as style_study
    from gradlab.lab.train import train as train
    from gradlab.nn.loading import load_weights as load_weights
    from gradlab.nn.per_example import per_example as per_example
    from gradlab.process import configure as configure
    from gradlab.rl.deep import DQN as DQN
    from gradlab.style import invert_features as invert_features
    from gradlab.style import transfer_style as transfer_style
    from gradlab.training.layers import Conv as Conv
    from gradlab.training.layers import Dense as Dense
    from gradlab.training.layers import Own as Own
    from gradlab.training.layers import Pool as Pool
    from gradlab.training.model import load_model as load_model
    from gradlab.training.network import network_table as network_table
    from gradlab.training.recipe import Recipe as Recipe


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _FOLDERS:
        return importlib.import_module(f"gradlab.{name}")
    raise AttributeError(f"module 'gradlab' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
