"""Running a study: what is trained, how levels are tuned and judged, what is read when."""

import numpy as np
import optax
import polars as pl
import pytest

import gradlab as gl
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.lab import conduct as module
from gradlab.optim import OPTIMIZERS, custom, learning_rate_grid
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

# Studies of these levels share one compiled program.
VARY = {"optimizer": ["sgd", "adam"]}


def runs_of(study, phase):
    return [run for run in study.runs if run.phase == phase]


class TestPhases:
    def test_every_recipe_is_tuned_and_judged_once(self, study):
        # base, sgd, dropout 0.3 and constant weights: the base is shared by three axes.
        assert len(study.facts.cells) == 4
        assert len(runs_of(study, "tune")) == 4 * 2 * 2
        assert len(runs_of(study, "judge")) == 4 * 3
        assert len({run.id for run in study.runs}) == len(study.runs)

    def test_no_seed_both_tunes_and_judges(self, study):
        tuning = {run.seed for run in runs_of(study, "tune")}
        judging = {run.seed for run in runs_of(study, "judge")}
        assert len(tuning) == 2
        assert len(judging) == 3
        assert not tuning & judging

    def test_every_level_gets_the_same_budget(self, study):
        for cell in study.facts.cells:
            tried = study.cell_runs("tune", cell["levels"])
            kind = OPTIMIZERS[tried[0].recipe.get("optimizer", "adam")]
            rates = [run.learning_rate for run in tried]
            assert sorted(set(rates)) == sorted(learning_rate_grid(kind, 2))
            assert all(rates.count(rate) == 2 for rate in rates)

    def test_judges_the_learning_rate_that_tuned_best(self, study):
        for cell in study.facts.cells:
            means = {}
            for run in study.cell_runs("tune", cell["levels"]):
                means.setdefault(run.learning_rate, []).append(
                    (run.validation_score, -run.validation_loss)
                )
            best = max(means, key=lambda rate: tuple(np.mean(means[rate], axis=0)))
            judged = study.cell_runs("judge", cell["levels"])
            assert {run.learning_rate for run in judged} == {best}

    def test_levels_share_judging_seeds(self, study):
        seeds = {
            tuple(sorted(run.seed for run in study.cell_runs("judge", cell["levels"])))
            for cell in study.facts.cells
        }
        assert len(seeds) == 1

    def test_two_studies_of_other_seeds_share_none(self, clouds_file, compare, tmp_path):
        a = compare(clouds_file, tmp_path / "a", vary=VARY, seed=1)
        b = compare(clouds_file, tmp_path / "b", vary=VARY, seed=2)
        assert not {run.seed for run in a.runs} & {run.seed for run in b.runs}

    def test_without_tuning_techniques_run_at_their_usual_rate(
        self, clouds_file, compare, tmp_path
    ):
        study = compare(clouds_file, tmp_path / "s", vary=VARY, tune=False)
        assert not runs_of(study, "tune")
        rates = {run.cell: run.learning_rate for run in study.runs}
        assert rates == {
            f"optimizer={name}": OPTIMIZERS[name].learning_rate for name in ("sgd", "adam")
        }

    def test_a_rate_in_the_base_holds_for_all_and_is_not_tuned(
        self, clouds_file, compare, tmp_path
    ):
        base = Recipe(hidden=(4,), batch_size=16, epochs=3, learning_rate=0.02)
        study = compare(clouds_file, tmp_path / "s", vary=VARY, base=base)
        assert {run.learning_rate for run in study.runs} == {0.02}
        assert not runs_of(study, "tune")

    def test_the_same_question_gives_the_same_numbers(
        self, clouds_file, study, compare, numbers_of, tmp_path
    ):
        vary = {
            "optimizer": ["sgd", "adam"],
            "dropout": [0.0, 0.3],
            "init": ["constant", "he_normal"],
        }
        again = compare(clouds_file, tmp_path / "s", vary=vary, seeds=3, workers=2)
        assert numbers_of(again) == numbers_of(study)

    def test_a_run_scores_the_same_in_another_study(self, study, clouds_file, compare, tmp_path):
        other = compare(clouds_file, tmp_path / "s", vary={"dropout": [0.3]}, seeds=3)
        known = {run.id: run for run in study.runs}
        assert all(run.id in known for run in other.runs)
        for run in other.runs:
            assert run.history.tobytes() == known[run.id].history.tobytes()


class TestTestPart:
    @pytest.fixture
    def read(self, monkeypatch):
        """Every set of rows that was scored while the study ran, with the network's recipe."""
        seen = []
        score_rows = module.score_rows

        def spy(task, network, states, rows, *, split=0, chunk):
            seen.append((task, np.asarray(rows), network))
            return score_rows(task, network, states, rows, split=split, chunk=chunk)

        monkeypatch.setattr(module, "score_rows", spy)
        return seen

    def test_is_read_once_and_by_the_winner_alone(self, read, clouds_file, compare, tmp_path):
        study = compare(clouds_file, tmp_path / "s", vary={"hidden": [4, 6], "dropout": [0.0, 0.5]})
        task = read[0][0]
        of_test = [entry for entry in read if set(entry[1]) & set(task.test)]
        assert len(of_test) == study.seeds == len(study.winner.test_scores)
        assert all(set(rows) == set(task.test) for _, rows, _ in of_test)
        width = int(study.winner.levels.get("hidden", "4"))
        for _, _, network in of_test:
            shapes = [w.shape for w in map(np.asarray, weights_of(network)) if w.ndim == 2]
            assert shapes[0][1] == width

    def test_no_split_trains_or_validates_on_it(self, read, clouds_file, compare, tmp_path):
        compare(clouds_file, tmp_path / "s", vary=VARY, resample=True, seeds=4)
        task = read[0][0]
        assert len(task.splits) == 1 + 4
        for train, validation in task.splits:
            assert not set(task.test) & (set(train) | set(validation))
            assert not set(train) & set(validation)

    def test_a_finished_study_does_not_read_it_again(self, read, study):
        gl.resume(study.folder)
        assert read == []


def weights_of(network):
    import equinox as eqx
    import jax

    return jax.tree.leaves(eqx.filter(network, eqx.is_array))


class TestObjects:
    def test_labels_name_objects_in_a_mapping(self, clouds_file, compare, tmp_path):
        mine = optax.adabelief(0.01)
        vary = {"optimizer": {"mine": mine, "adam": "adam"}}
        study = compare(clouds_file, tmp_path / "s", vary=vary)
        assert study.facts.axes == {"optimizer": ["mine", "adam"]}
        assert set(study.results["optimizer"]) == {"mine", "adam"}
        assert [row.level for row in study.ranking("optimizer").rows] in (
            ["mine", "adam"],
            ["adam", "mine"],
        )

    def test_objects_in_a_list_get_short_names_of_their_own(self, clouds_file, compare, tmp_path):
        vary = {"optimizer": [optax.adabelief(0.01), "sgd", optax.yogi(0.01)]}
        study = compare(clouds_file, tmp_path / "s", vary=vary)
        assert study.facts.axes["optimizer"] == ["optax 1", "sgd", "optax 2"]
        judged = {run.cell: run for run in study.runs if run.phase == "judge"}
        curves = {run.history.tobytes() for run in judged.values()}
        assert len(judged) == len(curves) == 3

    def test_an_object_called_like_ours_is_not_ours(self, clouds_file, compare, tmp_path):
        # A slower Adam under the name "adam", beside our own as the base.
        vary = {"optimizer": {"adam": optax.adam(1e-6)}, "dropout": [0.0]}
        study = compare(clouds_file, tmp_path / "s", vary=vary, tune=False)
        rows = {run.cell: run for run in study.runs if run.seed == min(r.seed for r in study.runs)}
        slow, ours = rows["optimizer=adam"], rows["dropout=0"]
        assert (
            abs(np.diff(slow.history[:, 0])).max() < 1e-3 < abs(np.diff(ours.history[:, 0])).max()
        )

    def test_a_base_object_is_the_level_that_holds_it(self, clouds_file, compare, tmp_path):
        mine = optax.adabelief(0.01)
        base = Recipe(hidden=(4,), batch_size=16, epochs=3, optimizer=mine)
        vary = {"optimizer": {"mine": mine, "sgd": "sgd"}, "init": ["he_normal", "constant"]}
        study = compare(clouds_file, tmp_path / "s", vary=vary, base=base)
        assert study.facts.base == {"optimizer": "mine", "init": "he_normal"}
        assert len(study.facts.cells) == 3

    def test_a_study_of_objects_can_be_read_but_not_resumed(self, clouds_file, compare, tmp_path):
        kind = custom(optax.adabelief(0.01), "belief")
        study = compare(clouds_file, tmp_path / "s", vary={"optimizer": [kind, "adam"]})
        opened = gl.open_study(tmp_path / "s")
        assert opened.ranking("optimizer").rows == study.ranking("optimizer").rows
        with pytest.raises(StudyError, match=r"Python objects.*can't be resumed"):
            gl.resume(tmp_path / "s")
        with pytest.raises(StudyError, match="Python objects"):
            _ = opened.question
        if opened.winner.levels["optimizer"] == "belief":
            with pytest.raises(StudyError, match="the optimizer object 'belief'"):
                _ = opened.best

    def test_names_of_strings_can_be_chosen_and_survive(
        self, clouds_file, compare, numbers_of, tmp_path
    ):
        vary = {"optimizer": {"plain": "sgd", "fancy": "adam"}}
        study = compare(clouds_file, tmp_path / "s", vary=vary)
        assert numbers_of(gl.resume(tmp_path / "s")) == numbers_of(study)
        assert study.facts.axes == {"optimizer": ["plain", "fancy"]}


class TestAxes:
    # A list of settings that change shapes, numbers, or neither; the names of their levels.
    SETTINGS = (
        ("optimizer.beta1", [0.5, 0.9], {"0.5", "0.9"}),
        ("hidden", [(), 4, (4, 3)], {"linear", "4", "4x3"}),
        ("batch_size", [8, 16], {"8", "16"}),
        ("patience", [None, 2], {"none", "2"}),
        ("norm", ["none", "layer"], {"none", "layer"}),
        ("schedule", ["constant", "cosine"], {"constant", "cosine"}),
        ("l2", np.array([0, 0.01]), {"0", "0.01"}),
        ("activation", ["relu", ("tanh",)], {"relu", "tanh"}),
    )

    @pytest.fixture(scope="class")
    @classmethod
    def many(cls, clouds_file, compare, tmp_path_factory):
        """One study of all of them round one base."""
        vary = {axis: levels for axis, levels, _ in cls.SETTINGS}
        folder = tmp_path_factory.mktemp("many") / "s"
        return compare(clouds_file, folder, vary=vary, tune=gl.Tuning(learning_rates=1, seeds=1))

    @pytest.mark.parametrize(("axis", "levels", "names"), SETTINGS)
    def test_any_setting_can_be_an_axis(self, axis, levels, names, many):
        assert set(many.facts.axes[axis]) == names
        assert {row.level: row.n for row in many.ranking(axis).rows} == dict.fromkeys(names, 2)

    def test_every_level_trains_in_its_own_way(self, many):
        judged = [run for run in many.runs if run.phase == "judge"]
        assert len(judged) == 2 * len(many.facts.cells) == 2 * (1 + 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1)
        curves = {run.history.tobytes() for run in judged if "patience" not in run.cell}
        alike = {run.history.tobytes() for run in judged if "patience=2" in run.cell}
        assert len(curves | alike) >= len(judged) - 2  # patience may never have stopped a run

    def test_such_a_study_is_resumed_with_equal_numbers(self, many, numbers_of):
        assert numbers_of(gl.resume(many.folder)) == numbers_of(many)

    def test_learning_rate_as_an_axis_is_not_tuned(self, factorial):
        assert not runs_of(factorial, "tune")
        assert sorted(factorial.results["learning_rate"].unique()) == [0.001, 0.01, 0.1]

    def test_the_usual_rate_is_the_base_of_that_axis(self, clouds_file, compare, tmp_path):
        vary = {"learning_rate": [0.001, 0.01], "dropout": [0.0, 0.5]}
        study = compare(clouds_file, tmp_path / "s", vary=vary)
        assert study.facts.base == {"learning_rate": "0.001", "dropout": "0"}
        assert len(study.facts.cells) == 3


class TestTasks:
    def test_regression(self, numbers, compare, tmp_path):
        study = compare(numbers(), tmp_path / "s", vary=VARY)
        assert study.facts.score == "R²"
        assert -0.5 < study.facts.trivial_score <= 0
        assert study.ranking("optimizer").unit == "R²"
        assert len(study.winner.test_scores) == 2

    def test_binary(self, clouds, compare, tmp_path):
        frame = clouds(classes=("no", "yes"))
        study = compare(frame, tmp_path / "s", vary=VARY)
        assert study.facts.task == "binary"
        assert study.facts.classes == ("no", "yes")

    def test_one_seed_ranks_without_intervals(self, clouds_file, compare, tmp_path):
        study = compare(clouds_file, tmp_path / "s", vary=VARY, seeds=1)
        rows = study.ranking("optimizer").rows
        assert [row.low for row in rows] == [None, None]
        assert rows[1].verdict == "cannot be told apart"
        assert study.report().exists()

    def test_one_level_is_no_comparison_but_no_mistake(self, clouds_file, compare, tmp_path):
        study = compare(clouds_file, tmp_path / "s", vary={"optimizer": ["sgd"]})
        assert [row.verdict for row in study.ranking("optimizer").rows] == ["leader"]
        assert study.report().exists()

    def test_runs_that_diverge_are_results(self, clouds_file, compare, tmp_path):
        vary = {"learning_rate": [0.01, 1e30]}
        base = Recipe(hidden=(4,), epochs=3, optimizer="sgd")
        study = compare(clouds_file, tmp_path / "s", vary=vary, base=base)
        bad = [run for run in study.runs if run.status == "diverged"]
        assert {run.cell for run in bad} == {"learning_rate=1e+30"}
        assert {run.validation_score for run in bad} == {study.facts.trivial_score}
        assert all(run.validation_loss is None and run.train_loss is None for run in bad)
        assert study.winner.levels == {"learning_rate": "0.01"}
        assert "1e+30" in study.report().read_text(encoding="utf-8")

    def test_all_diverged_still_ends(self, clouds_file, compare, tmp_path):
        vary = {"learning_rate": [1e29, 1e30]}
        base = Recipe(hidden=(4,), epochs=3, optimizer="sgd")
        study = compare(clouds_file, tmp_path / "s", vary=vary, base=base)
        assert study.winner.test_scores == (study.facts.trivial_score,) * 2
        assert study.report().exists()

    def test_a_diverged_regression_scores_as_the_training_mean(self, compare, tmp_path):
        # A series that rises: its later rows lie far above the mean of the earlier ones.
        day = np.arange(60.0)
        frame = pl.DataFrame({"day": day, "x": day % 7, "y": 1e3 + day})
        vary = {"learning_rate": [0.01, 1e30]}
        base = Recipe(hidden=(4,), epochs=3, optimizer="sgd")
        source = gl.Source(time="day", task="regression", target="y")
        study = compare(frame, tmp_path / "s", vary=vary, base=base, source=source)
        y = frame["y"].to_numpy()
        train, validation = y[:36], y[36:48]
        expected = 1 - np.sum((validation - train.mean()) ** 2) / np.sum(
            (validation - validation.mean()) ** 2
        )
        bad = {run.validation_score for run in study.runs if run.status == "diverged"}
        assert expected < -10
        assert bad == {study.facts.trivial_score}
        assert study.facts.trivial_score == pytest.approx(expected, rel=1e-5)

    def test_what_a_diverged_regression_scores_minds_the_weights(self):
        rng = np.random.default_rng(0)
        y = rng.normal(size=(20, 2)).astype(np.float32)
        weight = rng.uniform(0.1, 3, 20).astype(np.float32)
        rows = np.arange(20, dtype=np.int32)
        train, validation = rows[:12], rows[12:]
        task = Task(y, y, weight, ((train, validation),), rows[:0], "regression", 2)
        answer = np.average(y[train], axis=0, weights=weight[train])
        errors = ((y[validation] - answer[None]) ** 2).mean(axis=1)
        error = float(np.average(errors, weights=weight[validation]))
        assert task.trivial_score == pytest.approx(task.score(error, validation), rel=1e-4)
        assert task.trivial_score < 0

    def test_without_a_test_part_even_diverged_runs_have_no_test_score(
        self, clouds_file, compare, tmp_path
    ):
        base = Recipe(hidden=(4,), epochs=3, optimizer="sgd", learning_rate=1e30)
        source = gl.Source(ratios=(0.7, 0.3, 0))
        vary = {"dropout": [0.0]}
        study = compare(clouds_file, tmp_path / "s", vary=vary, base=base, source=source)
        assert {run.status for run in study.runs} == {"diverged"}
        assert study.winner.test_scores == ()

    def test_resampled_intervals_are_wider(self, clouds_file, compare, tmp_path):
        study = compare(clouds_file, tmp_path / "s", vary=VARY, resample=True, seeds=4)
        assert sorted(run.split for run in runs_of(study, "judge")) == [1, 1, 2, 2, 3, 3, 4, 4]
        assert {run.split for run in runs_of(study, "tune")} == {0}
        row = study.ranking("optimizer").rows[0]
        # Nadeau and Bengio: std² (1/n + validation / train) instead of std² / n.
        from scipy import stats

        share = study.facts.validation / study.facts.train
        half = stats.t.ppf(0.975, 3) * row.std * np.sqrt(1 / 4 + share)
        assert row.high - row.mean == pytest.approx(half)

    def test_data_without_a_test_part(self, clouds_file, compare, tmp_path):
        source = gl.Source(ratios=(0.7, 0.3, 0))
        study = compare(clouds_file, tmp_path / "s", vary=VARY, source=source)
        assert study.winner.test_scores == ()
        assert study.report().exists()

    def test_equal_numbers_have_no_r2(self, compare, tmp_path):
        frame = pl.DataFrame({"x": np.arange(20.0), "y": [1.5] + [1.0] * 19})
        source = gl.Source(task="regression")
        with pytest.raises(DataError, match="validation rows of frame all have the same y"):
            compare(frame, tmp_path / "s", vary=VARY, source=source)
        assert not (tmp_path / "s").exists()


class TestFolder:
    def test_is_numbered_where_none_is_given(self, clouds_file, compare, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        first = compare(clouds_file, None, vary=VARY)
        second = compare(clouds_file, None, vary=VARY)
        assert [str(s.folder) for s in (first, second)] == ["gradlab-study", "gradlab-study-2"]

    def test_is_never_written_over(self, study, clouds_file, compare):
        before = (study.folder / "study.toml").read_bytes()
        with pytest.raises(StudyError, match=r"already holds a study.*gradlab resume"):
            compare(clouds_file, study.folder, vary=VARY)
        assert (study.folder / "study.toml").read_bytes() == before

    def test_can_not_be_a_file(self, clouds_file, compare, tmp_path):
        (tmp_path / "s").write_text("mine")
        with pytest.raises(StudyError, match=r"Could not make the folder .*s: .*another --out"):
            compare(clouds_file, tmp_path / "s", vary=VARY)
        assert (tmp_path / "s").read_text() == "mine"

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"vary": {"optimizer": ["adm"]}}, RecipeError),
            ({"target": "nothing"}, DataError),
            ({"source": gl.Source(ratios=(1.0, 0.0, 0.0))}, DataError),
            ({"workers": 0}, RecipeError),
        ],
    )
    def test_is_not_made_for_a_mistake(self, options, error, clouds_file, compare, tmp_path):
        with pytest.raises(error):
            compare(clouds_file, tmp_path / "s", **{"vary": VARY, **options})
        assert list(tmp_path.iterdir()) == []

    def test_holds_what_the_design_says(self, study):
        names = {path.name for path in study.folder.iterdir()}
        assert {"study.toml", "runs.sqlite", "weights", "report.html"} <= names
        assert not names & {"data.parquet", "checkpoints"}
        weights = {path.name for path in (study.folder / "weights").iterdir()}
        assert {run.weights for run in study.runs} - {None} == weights

    def test_paths_are_kept_whole(self, compare, clouds, tmp_path, monkeypatch, numbers_of):
        monkeypatch.chdir(tmp_path)
        clouds().write_csv("train.csv")
        clouds(30, seed=1).write_csv("test.csv")
        source = gl.Source(test="test.csv")
        study = compare("train.csv", tmp_path / "s", vary=VARY, source=source)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert numbers_of(gl.resume(tmp_path / "s")) == numbers_of(study)
