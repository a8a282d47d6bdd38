"""Models that make new data like the data they have seen, and measures of what they make."""

from gradlab.generative.boltzmann import BoltzmannMachine
from gradlab.generative.hidden_markov import HiddenMarkov
from gradlab.generative.inverse_transform import (
    InverseTransform,
    KSTest,
    exponential,
    from_cdf,
    from_distribution,
    from_kernel,
    from_values,
)
from gradlab.generative.measures import (
    Coverage,
    FeatureNetwork,
    Neighbours,
    diversity,
    frechet_distance,
    interpolate,
    mode_centres,
    mode_coverage,
    nearest_neighbours,
)
from gradlab.generative.mixture import MixtureOfGaussians
from gradlab.generative.naive_bayes import NaiveBayes

__all__ = [
    "BoltzmannMachine",
    "Coverage",
    "FeatureNetwork",
    "HiddenMarkov",
    "InverseTransform",
    "KSTest",
    "MixtureOfGaussians",
    "NaiveBayes",
    "Neighbours",
    "diversity",
    "exponential",
    "frechet_distance",
    "from_cdf",
    "from_distribution",
    "from_kernel",
    "from_values",
    "interpolate",
    "mode_centres",
    "mode_coverage",
    "nearest_neighbours",
]
