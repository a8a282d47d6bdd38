"""The network that looks at the pictures: built in, from a file, or the user's own."""

from pathlib import Path
from typing import Any, cast, get_args

from gradlab.errors import RecipeError, unknown
from gradlab.nn.module import Sequential
from gradlab.style.builtin import builtin_network
from gradlab.style.network import Convention, FeatureNetwork
from gradlab.style.published import published_network


def feature_network(source: Any = None, *, convention: str | None = None) -> FeatureNetwork:
    """Return a feature network.

    Args:
        source: None or "builtin" for Gradlab's own; a file of published weights (SqueezeNet v1.1,
            VGG; see `published_network`); a `FeatureNetwork`; or layers of your own, a
            `Sequential` of Gradlab or Equinox or a dictionary of layers.
        convention: How pixels enter; None for what suits the source, see `FeatureNetwork`.

    Raises:
        DataError: If a file can't be read or does not fit.
        RecipeError: If it is nothing of that.
    """
    import equinox as eqx

    if convention not in (None, *get_args(Convention)):
        raise RecipeError(unknown("convention", str(convention), get_args(Convention)))
    enters = cast(Convention | None, convention)
    if source is None or source == "builtin":
        return builtin_network()
    if isinstance(source, FeatureNetwork):
        return source
    if isinstance(source, (str, Path)):
        return published_network(source, convention=enters)
    if isinstance(source, (Sequential, eqx.nn.Sequential, dict)):
        return FeatureNetwork(source, convention=enters or "unit")
    raise RecipeError(
        "network takes None, a path of weights, a FeatureNetwork, a Sequential or a dictionary of "
        f"layers; got {type(source).__name__}. Wrap its convolutional layers: "
        "FeatureNetwork({'name': layer, …})."
    )
