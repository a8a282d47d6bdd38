"""Measures of samples: how like the data they are, how varied, and whether they are copies."""

from gradlab.generative.interpolation import interpolate
from gradlab.generative.measures.coverage import Coverage, mode_centres, mode_coverage
from gradlab.generative.measures.diversity import diversity
from gradlab.generative.measures.features import FeatureNetwork
from gradlab.generative.measures.frechet import frechet_distance
from gradlab.generative.neighbours import Neighbours, nearest_neighbours

__all__ = [
    "Coverage",
    "FeatureNetwork",
    "Neighbours",
    "diversity",
    "frechet_distance",
    "interpolate",
    "mode_centres",
    "mode_coverage",
    "nearest_neighbours",
]
