"""gradlab score: predictions in a table, and a saved model on data."""

import polars as pl
import pytest


@pytest.fixture
def predictions(tmp_path):
    """A table as `gradlab predict` writes it, with the truth beside."""
    n = 40
    truth = [("no", "yes")[i % 4 == 0] for i in range(n)]
    share = [0.8 if i % 4 == 0 else (0.6 if i % 10 == 1 else 0.1) for i in range(n)]
    frame = pl.DataFrame(
        {
            "ill": truth,
            "predicted ill": ["yes" if s > 0.5 else "no" for s in share],
            "p(no)": [1 - s for s in share],
            "p(yes)": share,
        }
    )
    path = tmp_path / "p.csv"
    frame.write_csv(path)
    return path


def test_a_table_as_predict_writes_it(gradlab, predictions, tmp_path):
    said = gradlab("score", predictions, "--positive", "yes", "--cost", "1:5")
    assert said.code == 0
    out = " ".join(said.out.split())
    assert out.startswith("Accuracy 0.900")
    assert "'yes'" in out
    scores = pl.read_csv(tmp_path / "gradlab-score" / "scores.csv")
    assert scores.filter(pl.col("measure") == "accuracy")["value"].item() == pytest.approx(0.9)
    html = (tmp_path / "gradlab-score" / "report.html").read_text(encoding="utf-8")
    for words in ("Confusion matrix", "ROC curve", "Calibration", "false alarm 1, miss 5"):
        assert words in html


def test_a_model_on_data(gradlab, data_file, tmp_path):
    small = ("--set", "hidden=4", "--set", "batch_size=16", "--epochs", "3")
    assert gradlab("train", data_file, *small).code == 0
    said = gradlab("score", "model.safetensors", data_file, "--json")
    assert said.code == 0
    gradlab("predict", "model.safetensors", data_file)
    again = gradlab("score", "predictions.csv", data_file, "--truth", "kind", "--json")
    assert again.code == 0
    assert said.json["scores"][0]["value"] == again.json["scores"][0]["value"]
    assert said.json["kind"] == "multiclass"
    trained = gradlab("score", "model.safetensors", data_file).err
    assert "Rows that the model was trained on flatter it" in trained
    assert "held out when it was trained it had accuracy 0." in trained
    assert gradlab("score", "model.safetensors").code == 2
    (tmp_path / "bare.csv").write_text("height,width [cm],colour\n1,2,red\n2,3,blue\n")
    bare = gradlab("score", "model.safetensors", "bare.csv")
    assert bare.code == 2
    assert "'kind'" in bare.err


SMALL = ("--set", "hidden=4", "--set", "batch_size=16", "--epochs", "3")


def test_large_numbers_keep_their_digits(gradlab, tmp_path):
    rows = [(float(i % 10), 1_000_000.0 + i / 8) for i in range(60)]
    pl.DataFrame(rows, schema=["x", "price"], orient="row").write_csv(tmp_path / "r.csv")
    task = ("--task", "regression")
    assert gradlab("train", "r.csv", *task, *SMALL).code == 0
    said = gradlab("score", "model.safetensors", "r.csv", "--json")
    assert said.code == 0
    assert said.json["kind"] == "regression"
    assert said.json["scores"][0]["value"] is not None
    gradlab("predict", "model.safetensors", "r.csv")
    again = gradlab("score", "predictions.csv", "r.csv", "--truth", "price", "--json")
    assert said.json["scores"][0]["value"] == pytest.approx(again.json["scores"][0]["value"])


def test_long_labels_stay_different(gradlab, tmp_path):
    rows = [(float(i % 2), 1_234_567 + i % 2) for i in range(60)]
    pl.DataFrame(rows, schema=["x", "code"], orient="row").write_csv(tmp_path / "c.csv")
    assert gradlab("train", "c.csv", *SMALL).code == 0
    said = gradlab("score", "model.safetensors", "c.csv", "--positive", "1234567", "--json")
    assert said.code == 0
    assert said.json["positive"] == 1_234_567
    assert [row["actual"] for row in said.json["per_class"]] == [30, 30]


def test_ratings_are_classes_or_a_quantity_as_one_says(gradlab, tmp_path):
    rows = [(i % 5, (i + (i % 7 == 0)) % 5) for i in range(40)]
    frame = pl.DataFrame(rows, schema=["stars", "predicted stars"], orient="row")
    frame.with_columns(**{f"p({i})": pl.lit(0.2) for i in range(5)}).write_csv("p.csv")
    frame.write_csv("r.csv")
    found = gradlab("score", "r.csv")
    assert "--kind regression for the other" in found.err
    for table in ("r.csv", "p.csv"):
        said = gradlab("score", table, "--kind", "regression", "--json")
        assert (said.code, said.json["kind"]) == (0, "regression")
    assert gradlab("score", "r.csv", "--kind", "ranking").code == 2


def test_what_would_have_no_effect_is_refused(gradlab, data_file, predictions):
    assert gradlab("train", data_file, *SMALL).code == 0
    for option in ("--predicted", "--scores", "--kind"):
        value = "regression" if option == "--kind" else "zz"
        said = gradlab("score", "model.safetensors", data_file, option, value)
        assert said.code == 2
        assert f"{option} is for a table" in said.err
    assert "row 1" in gradlab("score", predictions, "--no-header").err
    said = gradlab("score", predictions, "--truth", "ill", "--predicted", "ill")
    assert said.code == 2
    assert "compared with itself" in said.err


def test_numbers(gradlab, tmp_path):
    rows = [(float(i), i + (-1) ** i * 0.5) for i in range(30)]
    pl.DataFrame(rows, schema=["y", "said"], orient="row").write_csv(tmp_path / "r.csv")
    said = gradlab("score", "r.csv", "--truth", "y", "--predicted", "said", "--json")
    assert said.code == 0
    assert said.json["kind"] == "regression"
    html = (tmp_path / "gradlab-score" / "report.html").read_text(encoding="utf-8")
    assert "Truth and residuals" in html


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cost", "5"], "--cost takes the costs"),
        (["--cost", "1:x"], "--cost takes the costs"),
        (["--truth", "il"], "no column 'il'"),
        (["--positive", "maybe"], "maybe"),
    ],
)
def test_mistakes_are_told_without_a_traceback(options, words, gradlab, predictions):
    said = gradlab("score", predictions, *options)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
