"""The exercise of the course: every combination of four settings of a network, compared."""

import itertools

import numpy as np
import polars as pl
import pytest

import gradlab as gl

VARY = {
    "dropout": [0.0, 0.3],
    "activation": ["sigmoid", "relu"],
    "init": ["small_normal", "he_normal"],
    "norm": ["none", "batch"],
}


@pytest.mark.catalogue("CMP-03")
class TestExercise:
    """Dropout × activation × initialisation × batch normalisation on the digits."""

    @pytest.fixture(scope="class")
    @classmethod
    def study(cls, tmp_path_factory):
        return gl.compare(
            "digits",
            vary=VARY,
            base=gl.Recipe(hidden=(16,)),
            design="factorial",
            seeds=2,
            epochs=4,
            tune=False,
            out=tmp_path_factory.mktemp("exercise") / "s",
            workers=1,
        )

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls, study):
        return (
            study.results.group_by(study.axes, maintain_order=True)
            .agg(pl.len().alias("runs"), pl.col("validation_score").mean())
            .sort("validation_score", descending=True)
        )

    def test_the_table_has_one_row_a_combination(self, study, table):
        assert study.axes == tuple(VARY)
        named = {
            tuple(str(level).removesuffix(".0") for level in levels)
            for levels in itertools.product(*VARY.values())
        }
        assert set(table.select(study.axes).rows()) == named
        assert table["runs"].to_list() == [2] * 16
        assert study.results["status"].to_list() == ["done"] * 32
        assert table["validation_score"].is_not_null().all()

    def test_a_best_setting_comes_out(self, study, table):
        best = table.row(0, named=True)
        top = table.filter(pl.col("validation_score") == best["validation_score"])
        assert tuple(study.winner.levels[axis] for axis in VARY) in top.select(study.axes).rows()
        assert np.mean(study.winner.validation_scores) == pytest.approx(best["validation_score"])
        assert len(study.winner.test_scores) == 2
        for axis in ("activation", "init", "norm"):
            assert getattr(study.best, axis) == study.winner.levels[axis]
        assert study.best.dropout == float(study.winner.levels["dropout"])

    def test_the_settings_do_not_matter_alike(self, study, table):
        # Four epochs of small steps: a good setting shows by how soon it has learnt most.
        scores = table["validation_score"]
        assert scores[0] > 0.75
        assert scores[-1] < scores[0] - 0.2
        effects = study.effects()
        largest = effects.effects[0]
        assert (largest.axis, largest.p < 0.001) == ("init", True)
        assert sum(effect.share for effect in effects.effects) + effects.residual == pytest.approx(
            1
        )

    def test_every_setting_is_ranked_over_all_combinations_of_the_others(self, study, table):
        for axis, levels in VARY.items():
            rows = study.ranking(axis).rows
            assert len(rows) == len(levels)
            for row in rows:
                mean = table.filter(pl.col(axis) == row.level)["validation_score"].mean()
                assert row.mean == pytest.approx(mean)
                assert row.n == 2  # the seeds, each averaged over eight combinations
