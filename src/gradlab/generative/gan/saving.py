"""GANs in files: both networks, settings, history and snapshots; safetensors, nothing pickled."""

import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
from safetensors.numpy import save as to_bytes

from gradlab.errors import DataError
from gradlab.files import write_whole
from gradlab.generative.gan.measuring import Snapshot
from gradlab.generative.gan.population import TrainedPair, untrained
from gradlab.generative.gan.rows import Range
from gradlab.generative.gan.training import Networks
from gradlab.generative.saving import read

NOTE = "gradlab.gan"


def save(estimator: Any, path: str | Path, about: Mapping[str, Any] | None = None) -> Path:
    """Write a fitted GAN; see `Adversarial.save`."""
    pair: TrainedPair = estimator.trained_
    tensors = {f"networks.{i}": leaf for i, leaf in enumerate(_leaves(pair.networks))}
    tensors |= {"units.shift": estimator.units_.shift, "units.scale": estimator.units_.scale}
    for i, one in enumerate(pair.snapshots):
        tensors[f"snapshots.{i}.samples"] = one.samples
        if one.places is not None and one.discriminator is not None:
            tensors[f"snapshots.{i}.places"] = one.places
            tensors[f"snapshots.{i}.discriminator"] = one.discriminator
    table = io.BytesIO()
    pair.history.write_parquet(table)
    tensors["history"] = np.frombuffer(table.getvalue(), np.uint8)
    content = {
        "class": type(estimator).__name__,
        "about": dict(about or {}),
        "settings": {**estimator.get_params(deep=False)},
        "row_shape": pair.settings.pair.example_shape,
        "n_rows": pair.settings.n_rows,
        "pictures": estimator.units_.pictures,
        "seed": pair.seed,
        "status": pair.status,
        "diverged": pair.diverged,
        "seconds": pair.seconds,
        "snapshot_epochs": [one.epoch for one in pair.snapshots],
    }
    text = json.dumps(content, default=_plain)
    packed = {name: np.array(array, order="C") for name, array in tensors.items()}
    return write_whole(path, to_bytes(packed, metadata={NOTE: text}))


def load(kind: Any, path: str | Path) -> Any:
    """Read a GAN of a class; see `Adversarial.load`."""
    content, tensors = read(path, NOTE)
    if content["class"] != kind.__name__:
        raise DataError(f"{path} holds a {content['class']}; read it with {content['class']}.load.")
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in content["settings"].items()}
    estimator = kind(**given)
    shape = tuple(content["row_shape"])
    # Settings depend on rows by their number and shape alone.
    like = np.broadcast_to(np.float32(0), (content["n_rows"], *shape))
    settings = estimator.settings(like)
    networks = untrained(settings, 0)
    leaves = _leaves(networks)
    found = [tensors.get(f"networks.{i}") for i in range(len(leaves))]
    for i, (leaf, stored) in enumerate(zip(leaves, found, strict=True)):
        if stored is None or stored.shape != leaf.shape:
            came = "is missing" if stored is None else f"has shape {stored.shape}"
            raise DataError(f"{path} is damaged: tensor networks.{i} of shape {leaf.shape} {came}.")
    estimator._keep(
        TrainedPair(
            settings,
            content["seed"],
            _with_leaves(networks, found),
            pl.read_parquet(io.BytesIO(tensors["history"].tobytes())),
            tuple(
                Snapshot(
                    epoch,
                    tensors[f"snapshots.{i}.samples"],
                    tensors.get(f"snapshots.{i}.places"),
                    tensors.get(f"snapshots.{i}.discriminator"),
                )
                for i, epoch in enumerate(content["snapshot_epochs"])
            ),
            content["status"],
            content["diverged"],
            content["seconds"],
        ),
        Range(content["pictures"], tensors["units.shift"], tensors["units.scale"]),
    )
    return estimator


def _leaves(networks: Networks) -> list[np.ndarray]:
    found = jax.tree.leaves(_as_tree(networks))
    return [np.asarray(leaf) for leaf in found if isinstance(leaf, np.ndarray | jax.Array)]


def _with_leaves(networks: Networks, leaves: list[Any]) -> Networks:
    own, form = jax.tree.flatten(_as_tree(networks))
    left = iter(leaves)
    filled = [next(left) if isinstance(one, np.ndarray | jax.Array) else one for one in own]
    return Networks(*jax.tree.unflatten(form, filled))


def _as_tree(networks: Networks) -> tuple:
    return tuple(getattr(networks, field.name) for field in dataclasses.fields(networks))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else list(value)
