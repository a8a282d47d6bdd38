"""Optimizers race down the classic surfaces."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import RecipeError
from gradlab.explanation.descents import N_RATES, USUAL, descend_surfaces, surface_sentence
from gradlab.optim import OPTIMIZERS, SURFACES, descend


@pytest.fixture(scope="module")
def study():
    return descend_surfaces()


def test_paths_are_those_of_the_optimizer_alone(study):
    for name in ("bowl", "ravine", "double_well"):
        surface = SURFACES[name]
        for row in study.descents[name]:
            kind = OPTIMIZERS[row.optimizer]
            alone = descend(
                kind, surface.function, jnp.array(surface.start), 200, row.learning_rate
            )
            # Later, rounding drives paths apart that bounce between the walls.
            np.testing.assert_allclose(row.path[:12], alone[:12], rtol=1e-3, atol=1e-4)


def test_every_optimizer_has_the_best_of_its_rates(study):
    surface = SURFACES["bowl"]
    row = next(row for row in study.descents["bowl"] if row.optimizer == "sgd")
    for i in range(N_RATES):
        rate = OPTIMIZERS["sgd"].learning_rate * 10 ** (i / 2 - N_RATES // 4)
        path = descend(OPTIMIZERS["sgd"], surface.function, jnp.array(surface.start), 200, rate)
        losses = np.asarray(jax.vmap(surface.function)(path))
        late = np.flatnonzero(~(losses <= 1e-3 * losses[0]))
        arrived = int(late[-1]) + 1 if len(late) else 0
        assert arrived >= row.arrived


def test_momentum_crosses_the_plateau_and_the_ravine_where_descent_alone_does_not(study):
    arrived = {row.optimizer: row.arrived for row in study.descents["ravine"]}
    assert arrived["sgd"] is None
    assert arrived["momentum"] is not None
    wells = {row.optimizer: row for row in study.descents["double_well"]}
    assert wells["sgd"].arrived is None
    assert wells["sgd"].path[-1, 0] < 0 < wells["momentum"].path[-1, 0]


def test_the_first_to_arrive_comes_first(study):
    for name, rows in study.descents.items():
        arrived = [row.arrived for row in rows if row.arrived is not None]
        assert arrived == sorted(arrived)
        assert rows[len(arrived) :] == tuple(row for row in rows if row.arrived is None)
        assert surface_sentence(name, rows).startswith(name.replace("_", " "))


def test_noise_repeats_by_its_seed_and_changes_the_paths():
    def end(noise, seed):
        found = descend_surfaces(["bowl"], ["sgd"], steps=30, noise=noise, seed=seed)
        return found.descents["bowl"][0].path[-1]

    np.testing.assert_array_equal(end(0.1, 3), end(0.1, 3))
    assert not np.array_equal(end(0.1, 3), end(0.1, 4))
    assert not np.array_equal(end(0.1, 3), end(0.0, 3))


def test_results_and_page_are_written(study, tmp_path):
    study.save(tmp_path)
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert set(content["surfaces"]) == set(SURFACES)
    assert len(content["surfaces"]["bowl"]) == len(USUAL)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('"frames"') == len(SURFACES)
    rows = (tmp_path / "paths.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(SURFACES) * len(USUAL) * 201


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"surfaces": ["bowel"]}, "Did you mean 'bowl'"),
        ({"optimizers": ["addam"]}, "Did you mean 'adam'"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"noise": -1.0}, "noise must be a number from 0 up"),
        ({"optimizers": []}, "at least one surface and one optimizer"),
    ],
)
def test_mistakes_are_told(options, words):
    with pytest.raises(RecipeError, match=words):
        descend_surfaces(**options)
