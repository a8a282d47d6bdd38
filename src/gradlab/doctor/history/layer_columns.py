"""Columns of layers in a history, as probes."""

import numpy as np

from gradlab.doctor.evidence import Probes, Setup
from gradlab.doctor.history.cells import Cells
from gradlab.doctor.history.names import Column
from gradlab.doctor.history.points import PER_LAYER, empty_probes
from gradlab.doctor.history.runs import Epochs
from gradlab.errors import DataError, suggest

NORMS = ("gradient", "gradient_out", "weight")
"""Of several tensors of a layer, the root of the sum of squares."""


def layers_named(columns: list[Column]) -> list[str]:
    """Return the layers that columns name, in the order in which they come.

    >>> layers_named([Column("grad/fc1.weight", "layer", word="gradient", layer="fc1.weight")])
    ['fc1']
    """
    return list(dict.fromkeys(_owner(c.layer) for c in columns if c.quantity == "layer"))


def layer_probes(
    columns: list[tuple[Column, Cells]], epochs: Epochs, setup: Setup
) -> Probes | None:
    """Return what the columns of layers say at the end of each epoch; None if there are none.

    Raises:
        DataError: If a column names a layer that the setup does not have.
    """
    of_layers = [(what, cells) for what, cells in columns if what.quantity == "layer"]
    if not of_layers:
        return None
    places = [layer.place for layer in setup.weighted]
    probes = empty_probes(epochs.numbers.astype(float), len(places))
    for what, cells in of_layers:
        owner = _owner(what.layer)
        if owner not in places:
            raise DataError(
                f"Column '{what.name}' is of a layer '{owner}', but the setup's layers are "
                f"{', '.join(places)}.{suggest(owner, places)} Call them alike by `place`."
            )
        values = epochs.collect(cells, mean=False)
        field = getattr(probes, what.word)
        assert what.word in PER_LAYER
        j = places.index(owner)
        known = np.isfinite(field[:, j])
        if what.word in NORMS:
            field[:, j] = np.where(known, np.hypot(field[:, j], values), values)
        else:
            field[:, j] = np.where(known, field[:, j], values)
    return probes


def _owner(layer: str) -> str:
    return layer.removesuffix(".weight").removesuffix(".bias").removesuffix("/kernel")
