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


TS = """@problemName drift
@timestamps false
@univariate true
@classLabel true down up
@data
"""


def series_of(i):
    """A line of noise that drifts up or down, and which."""
    kind = ("down", "up")[i % 2]
    slope = (-1, 1)[i % 2] * 0.2
    return [round(slope * j + ((i * 7 + j * 5) % 11) / 30, 3) for j in range(6 + i % 3)], kind


def write_series(path, form, rows):
    """Write the same series in one of the forms that a model of series is trained on."""
    if form == "ts":
        lines = [f"{','.join(map(str, s))}:{kind}" for s, kind in map(series_of, rows)]
        path.write_text(TS + "\n".join(lines) + "\n")
    elif form == "rows":
        lines = [
            f"{kind},{i},{','.join(map(str, s[:6]))}"
            for i, (s, kind) in enumerate(map(series_of, rows))
        ]
        path.write_text("kind,id,a,b,c,d,e,f\n" + "\n".join(lines) + "\n")
    else:
        lines = [
            f"s{i},{j},{v},{kind}"
            for i, (s, kind) in enumerate(map(series_of, rows))
            for j, v in enumerate(s)
        ]
        path.write_text("id,when,v,kind\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("ts", ()),
        ("rows", ("--series", "rows", "--drop", "id", "--target", "kind")),
        ("long", ("--series", "id", "--time", "when")),
    ],
)
def test_a_model_of_series_is_scored_as_its_predictions_are(gradlab, tmp_path, form, options):
    ending = "ts" if form == "ts" else "csv"
    learnt, new = tmp_path / f"learnt.{ending}", tmp_path / f"new.{ending}"
    write_series(learnt, form, range(48))
    write_series(new, form, range(100, 131))
    layers = ("--set", "layers=gru 4", "--set", "batch_size=16", "--epochs", "3")
    trained = gradlab("train", learnt, *options, *layers)
    assert trained.code == 0, trained.err
    said = gradlab("score", "model.safetensors", new, "--json")
    assert said.code == 0, said.err
    assert gradlab("predict", "model.safetensors", new).code == 0
    name = next(c for c in pl.read_csv("predictions.csv").columns if c.startswith("predicted "))
    truth = [series_of(i)[1] for i in range(100, 131)]
    right = pl.read_csv("predictions.csv")[name] == pl.Series(truth)
    assert said.json["scores"][0]["value"] == pytest.approx(right.mean())
    assert {row["label"]: row["actual"] for row in said.json["per_class"]} == {"up": 15, "down": 16}


def test_a_model_of_texts_is_scored_with_blank_and_unanswered_rows(gradlab, tmp_path):
    words = [("buy now cheap", "spam"), ("see you at home", "ham")]
    rows = [f"{text} {i},{kind}" for i, (text, kind) in enumerate(words * 20)]
    (tmp_path / "t.csv").write_text("text,kind\n" + "\n".join(rows) + "\n")
    small = ("--text", "text", "--target", "kind", "--set", "batch_size=16", "--epochs", "8")
    assert gradlab("train", "t.csv", *small).code == 0
    new = "kind,text\nspam,buy cheap\nham,home\nham,\n,see you\nspam,now now\n"
    (tmp_path / "n.csv").write_text(new)
    said = gradlab("score", "model.safetensors", "n.csv", "--json")
    assert said.code == 0, said.err
    # A blank text has an answer, the row without one has none.
    assert {row["label"]: row["actual"] for row in said.json["per_class"]} == {"ham": 2, "spam": 2}
    assert "1 rows without an answer" in gradlab("score", "model.safetensors", "n.csv").err


def test_what_a_model_of_series_can_not_be_scored_on(gradlab, tmp_path):
    write_series(tmp_path / "s.csv", "long", range(40))
    small = ("--set", "layers=rnn 3", "--set", "batch_size=16", "--epochs", "1")
    assert gradlab("train", "s.csv", "--series", "id", "--time", "when", *small).code == 0
    table = pl.read_csv("s.csv")
    table.drop("kind").write_csv("bare.csv")
    bare = gradlab("score", "model.safetensors", "bare.csv")
    assert bare.code == 2
    assert "no column 'kind' for the truth" in bare.err
    table[1, "kind"] = "up"
    table.write_csv("mixed.csv")
    mixed = gradlab("score", "model.safetensors", "mixed.csv")
    assert mixed.code == 2
    assert "varies within series 's0'" in mixed.err
    write_series(tmp_path / "s.ts", "ts", range(40))
    assert gradlab("train", "s.ts", *small).code == 0
    other = gradlab("score", "model.safetensors", "s.ts", "--truth", "kind")
    assert other.code == 2
    assert "brings its answers along" in other.err
    lines = "\n".join(f"{i},{i % 5}" for i in range(80))
    (tmp_path / "f.csv").write_text(f"day,sales\n{lines}\n")
    forecast = ("--time", "day", "--target", "sales", "--horizon", "2", "--window", "4")
    assert gradlab("train", "f.csv", *forecast, *small).code == 0
    ahead = gradlab("score", "model.safetensors", "f.csv")
    assert ahead.code == 2
    assert "Forecaster.backtest" in ahead.err


def test_a_folder_that_is_no_data_set_names_its_files(gradlab, tmp_path):
    folder = tmp_path / "survey"
    folder.mkdir()
    (folder / "notes.md").write_text("words")
    none = gradlab("compare", folder)
    assert none.err.rstrip().endswith("Name the file to read.")
    (folder / "a.csv.gz").write_bytes(b"")
    said = gradlab("compare", folder)
    assert said.code == 2
    assert said.err.rstrip().endswith(f"Name the file to read: {folder / 'a.csv.gz'}.")
