"""Strictness for every test, two fixtures, and the record of which catalogue rows were tested.

- Shapes and types in Gradlab's signatures are checked at every call (jaxtyping + beartype).
- Silent rank promotion raises: `(n,) + (m, n)` is the classic bug of the field.
- With GRADLAB_CATALOGUE=FILE in the environment the session writes, for every test that carries
  `@pytest.mark.catalogue(...)`, its IDs and outcome; `tools/catalogue_coverage.py` reads it.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # before anything imports JAX

import hypothesis
import jax
import jaxtyping
import numpy as np
import pytest

# Before any test module imports gradlab: modules imported earlier would go unchecked.
jaxtyping.install_import_hook("gradlab", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")

# A first call compiles, so a deadline per example would measure the compiler.
hypothesis.settings.register_profile("gradlab", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "gradlab")

INDEX = Path(__file__).with_name("catalogue_index.txt")


@pytest.fixture
def float64():
    """Run the test with 64-bit JAX arrays; elsewhere JAX keeps 32 bits."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a NumPy generator with a fixed seed."""
    return np.random.default_rng(0)


class CatalogueRecord:
    """Collects the outcome of every test that names catalogue rows and writes them at the end."""

    def __init__(self, path: Path):
        self.path = path
        self.tests: dict[str, dict] = {}

    def pytest_runtest_logreport(self, report):
        rows = dict(report.user_properties).get("catalogue")
        if rows and (report.when == "call" or not report.passed):
            self.tests[report.nodeid] = {"rows": rows, "outcome": report.outcome}

    def pytest_sessionfinish(self):
        self.path.write_text(json.dumps(self.tests, indent=1, sort_keys=True), encoding="utf-8")


def pytest_configure(config):
    path = os.environ.get("GRADLAB_CATALOGUE")
    if path and not hasattr(config, "workerinput"):  # xdist's workers report to this process
        config.pluginmanager.register(CatalogueRecord(Path(path)))


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Forget compiled programs between modules where there are very many of them."""
    yield
    from gradlab.process import crowded
    from gradlab.training.executors import forget_programs

    if crowded():
        forget_programs()


def pytest_collection_modifyitems(items):
    known = {line.split(" ", 1)[0] for line in INDEX.read_text(encoding="utf-8").splitlines()}
    for item in items:
        ids = [row for marker in item.iter_markers("catalogue") for row in marker.args]
        if unknown := sorted(set(ids) - known):
            raise pytest.UsageError(
                f"{item.nodeid} names catalogue rows that do not exist: {', '.join(unknown)}. "
                f"The known ones are in {INDEX.name}."
            )
        if ids:  # user_properties travel with the report, also from xdist's workers
            item.user_properties.append(("catalogue", ids))
