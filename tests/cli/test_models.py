"""gradlab train and predict: from a table to a table of predictions."""

import polars as pl
import pytest

import gradlab as gl

SMALL = ("--set", "hidden=4", "--set", "batch_size=16", "--epochs", "3")


@pytest.fixture
def model(gradlab, data_file):
    """A model trained on a table with nominal and missing cells."""
    assert gradlab("train", data_file, *SMALL).code == 0
    return "model.safetensors"


class TestTrain:
    def test_says_what_it_reached_and_where_the_model_is(self, gradlab, data_file):
        said = gradlab("train", data_file, *SMALL, "--out", "m.safetensors")
        assert said.code == 0
        assert said.out.startswith("Layer     Output shape  Parameters\ndense 4   4 ")
        assert "\naccuracy: train 0." in said.out
        assert "(a model that has learnt nothing: 0.3333)" in " ".join(said.out.split())
        assert said.out.splitlines()[-1] == "Model: m.safetensors"
        assert "cells are missing" in said.err

    def test_writes_only_json_if_asked(self, gradlab, data_file):
        said = gradlab("train", data_file, *SMALL, "--json")
        assert (said.code, said.err) == (0, "")
        assert said.json["epochs"] == 3
        assert said.json["recipe"]["hidden"] == [4]

    def test_without_validation_rows(self, gradlab, data_file):
        said = gradlab("train", data_file, *SMALL, "--ratios", "0.8,0,0.2")
        assert said.code == 0
        assert "validation" not in said.out
        assert "nan" not in said.out
        again = gradlab("train", data_file, *SMALL, "--ratios", "0.8,0,0.2", "--json")
        assert again.json["trivial_score"] is None

    def test_of_a_studys_best_takes_its_data_and_split(self, gradlab, study_folder):
        said = gradlab("train", "--study", study_folder, "--json")
        study = gl.open_study(study_folder)
        assert said.json["recipe"] == study.winner.recipe
        judged = {run.seed: run for run in study.cell_runs("judge", study.winner.levels)}
        assert said.json["validation_score"] == pytest.approx(judged[0].validation_score)
        assert said.json["test_score"] == pytest.approx(study.winner.test_scores[0])

    def test_that_diverges(self, gradlab, data_file, tmp_path):
        said = gradlab(
            "train", data_file, *SMALL, "--set", "learning_rate=1e30", "--set", "optimizer=sgd"
        )
        assert (said.code, said.out) == (2, "")
        assert "diverged in epoch 1" in said.err
        assert not (tmp_path / "model.safetensors").exists()


class TestPredict:
    def test_gives_labels_and_probabilities(self, model, gradlab, data_file):
        said = gradlab("predict", model, data_file, "--out", "p.csv")
        assert (said.code, said.out) == (0, "60 predictions: p.csv\n")
        table = pl.read_csv("p.csv")
        assert table.columns == ["predicted kind", "p([c])", "p(a)", "p(b)"]
        shares = table.select(pl.col("^p.*\\)$"))
        assert shares.sum_horizontal().to_list() == pytest.approx([1] * 60)
        best = [("[c]", "a", "b")[row.index(max(row))] for row in shares.rows()]
        assert table["predicted kind"].to_list() == best

    def test_agrees_with_the_scores_of_training(self, model, gradlab, data_file, clouds):
        gradlab("predict", model, data_file)
        right = (pl.read_csv("predictions.csv")["predicted kind"] == clouds()["kind"]).mean()
        scores = gl.load_model(model).scores
        expected = (36 * scores["train"] + 12 * scores["validation"] + 12 * scores["test"]) / 60
        assert right == pytest.approx(expected)

    def test_needs_neither_target_nor_order(self, model, gradlab, clouds, data_file):
        clouds().select("colour", "height", "width [cm]").write_csv("new.csv")
        clouds().with_columns(extra=pl.lit("x")).write_csv("more.csv")
        gradlab("predict", model, data_file, "--out", "a.csv")
        for name in ("new.csv", "more.csv"):
            assert gradlab("predict", model, name, "--out", "b.csv").code == 0
            assert pl.read_csv("a.csv").equals(pl.read_csv("b.csv"))

    def test_takes_one_row_and_unseen_names(self, model, gradlab, clouds):
        frame = clouds(1).with_columns(colour=pl.lit("never seen"), height=pl.lit(None))
        frame.write_csv("new.csv")
        assert gradlab("predict", model, "new.csv").code == 0
        assert len(pl.read_csv("predictions.csv")) == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda frame: frame.drop("height"), "height"),
            (lambda frame: frame.rename({"height": "hieght"}), "height"),
            (lambda frame: frame.with_columns(height=pl.lit("tall")), "height"),
            (lambda frame: frame.clear(), "row"),
        ],
    )
    def test_checks_columns_and_types(self, change, message, model, gradlab, clouds, tmp_path):
        change(clouds()).write_csv("new.csv")
        said = gradlab("predict", model, "new.csv")
        assert (said.code, said.out) == (2, "")
        assert message in said.err
        assert said.err.strip().count("\n") == 0
        assert not (tmp_path / "predictions.csv").exists()

    def test_of_a_table_without_a_header(self, gradlab, clouds):
        clouds().select("height", "colour", "kind").write_csv("data.csv", include_header=False)
        assert gradlab("train", "data.csv", "--no-header", *SMALL).code == 0
        said = gradlab("predict", "model.safetensors", "data.csv", "--no-header")
        assert said.code == 0
        assert pl.read_csv("predictions.csv").columns[0] == "predicted column_3"

    def test_of_numbers(self, gradlab, clouds):
        clouds().select("colour", "height").write_csv("data.csv")
        assert gradlab("train", "data.csv", *SMALL).code == 0
        assert gradlab("predict", "model.safetensors", "data.csv").code == 0
        table = pl.read_csv("predictions.csv")
        assert table.columns == ["predicted height"]
        assert table["predicted height"].dtype == pl.Float64
        # In the unit of the target, not standardised.
        assert abs(table["predicted height"].mean() - clouds()["height"].mean()) < 1

    def test_of_yes_and_no(self, gradlab, clouds):
        clouds().with_columns(kind=pl.col("kind") == "a").write_csv("data.csv")
        assert gradlab("train", "data.csv", *SMALL).code == 0
        assert gradlab("predict", "model.safetensors", "data.csv").code == 0
        table = pl.read_csv("predictions.csv")
        assert len(table.columns) == 3
        assert set(map(str, table["predicted kind"].unique())) <= {"True", "False", "true", "false"}

    @pytest.mark.parametrize("out", [".", "none/p.csv"])
    def test_is_not_written_nowhere(self, out, model, gradlab, data_file):
        said = gradlab("predict", model, data_file, "--out", out)
        assert said.code == 2
        assert said.err.startswith(f"gradlab: --out {out}")
