"""A finished study: its tables, rankings and the best recipe."""

import numpy as np
import polars as pl
import pytest

import gradlab as gl
from gradlab.errors import RecipeError, StudyError
from gradlab.lab.effects import axis_effects
from gradlab.training.recipe import Recipe


@pytest.fixture(scope="module")
def random_study(tmp_path_factory, clouds_file, compare):
    vary = {"learning_rate": [0.001, 0.003, 0.01, 0.03], "l2": [0.0, 0.01, 0.1]}
    folder = tmp_path_factory.mktemp("random") / "s"
    return compare(clouds_file, folder, vary=vary, design="random", samples=9)


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory, clouds_file, compare):
    vary = {"learning_rate": [0.001, 0.01], "l2": [0.01, 0.1, 1.0]}
    folder = tmp_path_factory.mktemp("one") / "s"
    return compare(clouds_file, folder, vary=vary, design="factorial", seeds=1)


class TestFrames:
    def test_results_have_one_row_a_run(self, study):
        results = study.results
        assert len(results) == len(study.runs) == results["run"].n_unique()
        assert {
            "run", "phase", "optimizer", "dropout", "init", "seed", "status", "epochs",
            "learning_rate", "validation_score", "validation_loss", "train_loss", "seconds",
        } <= set(results.columns)  # fmt: skip
        assert set(results["phase"]) == {"tune", "judge"}

    def test_results_fill_in_the_base(self, study):
        sgd = study.results.filter(pl.col("optimizer") == "sgd")
        assert set(sgd["dropout"]) == {"0"}
        assert set(sgd["init"]) == {"he_normal"}
        assert study.results.select("optimizer", "dropout", "init").unique().height == 4

    def test_history_has_one_row_a_run_and_epoch(self, study):
        history = study.history
        assert len(history) == 3 * len(study.runs)
        assert history["epoch"].to_list()[:3] == [1, 2, 3]
        last = history.filter(pl.col("epoch") == 3).join(study.results, on="run", suffix="_end")
        assert (last["validation_score"] == last["validation_score_end"]).all()
        assert (last["train_loss"] == last["train_loss_end"]).all()

    def test_history_joins_results(self, study):
        assert set(study.history["run"]) == set(study.results["run"])

    def test_early_stopping_keeps_the_best_epoch(self, clouds_file, compare, tmp_path):
        base = Recipe(hidden=(4,), batch_size=16, epochs=40, patience=3, learning_rate=0.3)
        study = compare(
            clouds_file, tmp_path / "s", vary={"optimizer": ["sgd"]}, base=base, seeds=4
        )
        assert {run.status for run in study.runs} & {"early"}
        for run in study.runs:
            assert run.best_epoch == run.history[:, 1].argmin() + 1
            assert run.validation_loss == run.history[:, 1].min()
            assert run.validation_score == run.history[run.best_epoch - 1, 2]


class TestRanking:
    def test_of_a_setting_round_the_base(self, study):
        ranking = study.ranking("optimizer")
        assert {row.level for row in ranking.rows} == {"sgd", "adam"}
        assert ranking.base == "adam"
        assert ranking.test == "paired t"
        for row in ranking.rows:
            scores = study.results.filter(
                pl.col("phase") == "judge",
                pl.col("optimizer") == row.level,
                pl.col("dropout") == "0",
                pl.col("init") == "he_normal",
            )["validation_score"]
            assert row.n == len(scores) == 3
            assert row.mean == pytest.approx(scores.mean())

    def test_of_a_factorial_study_averages_the_others_within_each_seed(self, factorial):
        ranking = factorial.ranking("optimizer")
        judged = factorial.results.filter(pl.col("phase") == "judge")
        by_seed = judged.group_by("optimizer", "seed").agg(pl.col("validation_score").mean())
        for row in ranking.rows:
            scores = by_seed.filter(pl.col("optimizer") == row.level)["validation_score"]
            assert row.n == 3
            assert row.mean == pytest.approx(scores.mean())
            assert row.std == pytest.approx(scores.std())

    def test_of_a_factorial_study_with_one_seed_pairs_the_settings(self, one_seed):
        judged = one_seed.results.filter(pl.col("phase") == "judge")
        assert len(judged) == 6
        ranking = one_seed.ranking("learning_rate")
        assert [row.n for row in ranking.rows] == [3, 3]
        low, high = (
            judged.filter(pl.col("learning_rate") == rate).sort("l2")["validation_score"]
            for rate in (0.001, 0.01)
        )
        pair = ranking.difference("0.01", "0.001")
        assert pair.n == 3
        assert pair.mean == pytest.approx((high - low).mean())
        assert [row.n for row in one_seed.ranking("l2").rows] == [2, 2, 2]

    def test_of_a_random_study_compares_independent_combinations(self, random_study):
        ranking = random_study.ranking("l2")
        assert ranking.test == "welch"
        assert ranking.friedman is None
        judged = random_study.results.filter(pl.col("phase") == "judge")
        for row in ranking.rows:
            cells = judged.filter(pl.col("l2") == row.level).group_by("learning_rate")
            means = cells.agg(pl.col("validation_score").mean())["validation_score"]
            assert row.n == len(means)
            assert row.mean == pytest.approx(means.mean())
        assert sum(row.n for row in ranking.rows) == 9

    def test_of_what_was_not_varied(self, study):
        with pytest.raises(RecipeError, match=r"Unknown axis 'optimzer'. Did you mean 'optimizer'"):
            study.ranking("optimzer")

    def test_effects_are_shares_of_variance(self, factorial):
        effects = factorial.effects()
        judged = factorial.results.filter(pl.col("phase") == "judge")
        expected = axis_effects(
            {
                "optimizer": judged["optimizer"].to_list(),
                "learning_rate": judged["learning_rate"].to_list(),
                "seed": judged["seed"].to_list(),
            },
            judged["validation_score"].to_numpy(),
        )
        assert {e.axis: pytest.approx(e.share) for e in expected.effects} == {
            e.axis: e.share for e in effects.effects
        }
        total = sum(e.share for e in effects.effects) + effects.residual
        assert total == pytest.approx(1)

    def test_effects_of_a_random_study(self, random_study):
        axes = {effect.axis for effect in random_study.effects().effects}
        assert axes == {"learning_rate", "l2", "seed"}


class TestBest:
    def test_is_the_highest_mean_on_validation(self, study):
        means = {
            cell["levels"].get("optimizer", "adam")
            + cell["levels"].get("dropout", "0")
            + cell["levels"].get("init", "he_normal"): np.mean(
                [run.validation_score for run in study.cell_runs("judge", cell["levels"])]
            )
            for cell in study.facts.cells
        }
        best = study.best
        name = best.optimizer + ("0.3" if best.dropout else "0") + best.init
        assert means[name] == max(means.values())

    def test_can_be_trained(self, study, clouds_file):
        fitted = gl.train(clouds_file, study.best)
        assert fitted.epochs == 3

    def test_winner_has_a_score_a_seed(self, study):
        winner = study.winner
        assert len(winner.validation_scores) == len(winner.test_scores) == 3
        assert winner.test_score == pytest.approx(np.mean(winner.test_scores))
        assert Recipe(**winner.recipe) == study.best

    def test_recomputing_the_test_score_gives_it_again(self, study, clouds_file):
        # From the stored weights alone, by other code than the study's.
        from gradlab.data import load_dataset, split_rows
        from gradlab.lab.preparation import prepare
        from gradlab.lab.question import Question
        from gradlab.lab.store import Store
        from gradlab.training.executors import trained_network
        from gradlab.training.plan import Run, plan

        task, _ = prepare(load_dataset(clouds_file), Question())
        store = Store(study.folder)
        runs = study.cell_runs("judge", study.winner.levels)
        planned = plan(task, [Run(study.best, run.seed) for run in runs], workers=1)
        for run, expected in zip(runs, study.winner.test_scores, strict=True):
            network, states = trained_network(planned, study.best, store.weights(run))
            scores = np.asarray(network(task.x[task.test], states, training=False)[0])
            assert np.mean(scores.argmax(axis=1) == task.y[task.test]) == pytest.approx(expected)
        store.close()
        assert len(split_rows(load_dataset(clouds_file)).test) == len(task.test)


class TestOpening:
    def test_gives_the_same_study(self, study, numbers_of):
        opened = gl.open_study(study.folder)
        assert numbers_of(opened) == numbers_of(study)
        assert opened.facts == study.facts
        assert opened.question.to_dict() == study.question.to_dict()
        assert (opened.design, opened.seeds, opened.axes) == (
            "one-at-a-time",
            3,
            ("optimizer", "dropout", "init"),
        )
        assert repr(opened).endswith("28 runs, finished)")

    def test_changes_nothing(self, study):
        before = {p.name: p.stat().st_mtime_ns for p in study.folder.iterdir() if p.is_file()}
        gl.open_study(study.folder).ranking("init")
        after = {p.name: p.stat().st_mtime_ns for p in study.folder.iterdir() if p.is_file()}
        assert after == before

    def test_what_is_no_study(self, tmp_path):
        with pytest.raises(StudyError, match="There is no folder"):
            gl.open_study(tmp_path / "none")
        (tmp_path / "file").write_text("")
        with pytest.raises(StudyError, match="There is no folder"):
            gl.open_study(tmp_path / "file")
        with pytest.raises(StudyError, match=r"is not a study: it has no study.toml"):
            gl.open_study(tmp_path)


class TestReport:
    def test_is_written_into_the_folder_or_where_one_says(self, study, tmp_path):
        assert study.report() == study.folder / "report.html"
        path = study.report(tmp_path / "r.html")
        assert path.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")

    def test_can_not_be_written_nowhere(self, study, tmp_path):
        with pytest.raises(StudyError, match="Could not write"):
            study.report(tmp_path / "none" / "r.html")

    @pytest.mark.parametrize("which", ["factorial", "random_study", "one_seed"])
    def test_of_every_design(self, which, request, tmp_path):
        text = request.getfixturevalue(which).report(tmp_path / "r.html").read_text("utf-8")
        assert "main effects explain" in text
