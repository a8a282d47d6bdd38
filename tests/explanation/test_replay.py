"""Any past step of a stored run is computed again, exactly."""

import dataclasses

import numpy as np
import pytest

from gradlab.errors import DataError, StudyError
from gradlab.explanation import explain
from gradlab.explanation.replay import past_step
from gradlab.lab.compare import compare
from gradlab.lab.study import open_study
from gradlab.training.recipe import Recipe

BASE = Recipe(hidden=(5,), epochs=3, batch_size=16, dropout=0.2, norm="batch", l2=0.01)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3))
    y = (x @ [1.0, -1.0, 0.5] > 0).astype(int)
    return compare(
        (x, y),
        vary={"optimizer": ["nesterov", "adam"]},
        base=BASE,
        seeds=2,
        tune=False,
        out=tmp_path_factory.mktemp("studies") / "s",
        workers=1,
    )


def test_the_run_ends_as_it_is_stored_bit_for_bit(study):
    for run in study.runs[::2]:
        past = past_step(study, run.id, 6)
        assert past.same_end is True
        assert past.same_history is True
        assert past.epoch_off is not None
        assert past.epoch_off < 1e-7  # XLA may round a last bit otherwise where it can stop
        assert (past.epoch, past.in_epoch, past.of_epoch) == (2, 2, 4)
        assert len(past.rows) == 16


def test_the_explained_step_is_the_one_that_training_took(study):
    # Adam would make full steps of the rounding in the gradient of a bias before batch norm.
    run = next(run for run in study.runs if "nesterov" in run.cell)
    e = explain(study, run=run.id, step=6)
    assert e.title == f"Step 6 of run {run.id}"
    assert any("bit for bit" in note for note in e.notes)
    within = float(e.notes[-1].split("within ")[1].rstrip(".").replace("−", "-"))
    assert within < 1e-6
    assert max(p.error for p in e.parameters) < 1e-7
    kept = next(layer for layer in e.layers if "kept" in layer.details)
    assert 0 < kept.details["kept"].mean() < 1


def test_step_after_step_is_one_training(study):
    first = past_step(study, study.runs[0].id, 4, verify=False)
    second = past_step(study, study.runs[0].id, 5, verify=False)
    # The last step of an epoch leads to the first of the next.
    after = np.concatenate([np.ravel(leaf) for leaf in _leaves(first.after)])
    before = np.concatenate([np.ravel(leaf) for leaf in _leaves(second.step.network)])
    np.testing.assert_array_equal(after, before)
    assert second.in_epoch == 1


def _leaves(tree):
    import equinox as eqx
    import jax

    return jax.tree.leaves(eqx.filter(tree, eqx.is_array))


def test_the_best_recipe_is_taken_if_no_run_is_named(study):
    past = past_step(open_study(study.folder), verify=False)
    assert past.run.phase == "judge"
    assert past.number == 1


def test_bad_runs_and_steps_are_told(study, tmp_path):
    with pytest.raises(StudyError, match="no run begins with 'zzz'"):
        explain(study, run="zzz")
    with pytest.raises(StudyError, match=r"took 12 steps .* there is no step 13"):
        explain(study, run=study.runs[0].id, step=13)
    with pytest.raises(DataError, match="has its own batch"):
        explain(study, np.ones((1, 3)), [1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no study"):
        explain(tmp_path / "empty")


def test_changed_data_is_told(study, monkeypatch):
    monkeypatch.setattr(study, "facts", dataclasses.replace(study.facts, fingerprint="other"))
    with pytest.raises(StudyError, match="has changed since it was run"):
        explain(study)
