"""Every way in gives the same data; what was decided is said."""

import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gradlab.data import BUILTIN, Preprocessor, features_like, load_dataset, split_rows
from gradlab.errors import DataError

ROWS = 60


def frame():
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "size": rng.normal(size=ROWS).round(3),
            "colour": rng.choice(["red", "green", "blue"], ROWS),
            "weight": rng.normal(50, 9, ROWS).round(1),
            "kind": np.array(["cat", "dog"])[np.arange(ROWS) % 2],
        }
    )


def write_idx(path, array, compress=False):
    kinds = {"uint8": 8, "int32": 12, "float32": 13}
    header = bytes([0, 0, kinds[array.dtype.name], array.ndim])
    sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    content = header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


def images(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 4, 5), dtype=np.uint8), (np.arange(n) % 3).astype(np.uint8)


def test_every_table_format_gives_the_same_data(tmp_path):
    table = frame()
    csv = table.write_csv()
    (tmp_path / "t.csv").write_text(csv)
    (tmp_path / "semicolon.csv").write_text(table.write_csv(separator=";"))
    (tmp_path / "t.tsv").write_text(table.write_csv(separator="\t"))
    (tmp_path / "crlf.csv").write_bytes(b"\xef\xbb\xbf" + csv.replace("\n", "\r\n").encode())
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(csv.encode()))
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ipc(tmp_path / "t.arrow")
    table.write_ipc(tmp_path / "t.feather")
    table.write_ipc_stream(tmp_path / "t.arrows")
    table.write_ndjson(tmp_path / "t.jsonl")
    sources = [
        *sorted(tmp_path.iterdir()),
        table,
        table.lazy(),
        table.to_pandas(),
        table.to_arrow(),
        (table.drop("kind"), table["kind"]),
        (table.to_pandas().drop(columns="kind"), table["kind"].to_list()),
        table.with_columns(pl.col("colour").cast(pl.Categorical)),
        table.to_pandas().astype({"colour": "category"}),
    ]
    found = [load_dataset(source, target="kind") for source in sources[:-4]]
    found += [
        load_dataset(sources[-4]),
        load_dataset((sources[-3][0], pd.Series(sources[-3][1], name="kind"))),
        load_dataset(sources[-2]),
        load_dataset(sources[-1]),
    ]
    assert len({data.fingerprint for data in found}) == 1
    data = found[0]
    assert data.features.names == ("size", "colour", "weight")
    assert data.features.numeric_names == ("size", "weight")
    assert data.features.nominal["colour"].values() == table["colour"].to_list()
    assert (data.task, data.classes, data.y.dtype) == ("binary", ("cat", "dog"), np.int32)
    assert data.features.numeric == pytest.approx(table.select("size", "weight").to_numpy())


def test_array_formats_give_the_same_data(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), np.arange(30) % 3
    np.savez(tmp_path / "pair.npz", X=x, y=y)
    np.savez_compressed(tmp_path / "names.npz", data=x, target=y)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    sources = [
        (x, y),
        (x.tolist(), y.tolist()),
        (x, y[:, None]),
        tmp_path / "pair.npz",
        tmp_path / "names.npz",
        (tmp_path / "x.npy", tmp_path / "y.npy"),
        (str(tmp_path / "x.npy"), str(tmp_path / "y.npy")),
    ]
    found = [load_dataset(source) for source in sources]
    assert len({data.fingerprint for data in found}) == 1
    assert found[0].features.names == ("x0", "x1", "x2", "x3")
    np.save(tmp_path / "one.npy", np.column_stack([x, y]))
    one = load_dataset(tmp_path / "one.npy")
    assert np.array_equal(one.y, found[0].y)
    first = load_dataset(tmp_path / "one.npy", target=0)
    assert (first.task, first.target_name) == ("regression", "x0")


def test_big_images_are_not_copied():
    x = np.random.default_rng(0).integers(0, 256, (50, 8, 8), dtype=np.uint8)
    data = load_dataset((x, np.arange(50) % 2))
    assert np.shares_memory(data.features.numeric, x)
    assert data.features.row_shape == (8, 8, 1)


def test_npz_with_a_test_part(tmp_path):
    x, y = images(30)
    np.savez(tmp_path / "m.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    data = load_dataset(tmp_path / "m.npz")
    assert data.test_rows.tolist() == list(range(20, 30))
    assert split_rows(data).test.tolist() == list(range(20, 30))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", ["{}-images-idx3-ubyte", "{}-images.idx3-ubyte"])
def test_idx_folder_and_single_pair(tmp_path, compress, name):
    ending = ".gz" if compress else ""
    for part, n, seed in (("train", 20, 0), ("t10k", 10, 1)):
        x, y = images(n, seed)
        path = tmp_path / (name.format(part) + ending)
        write_idx(path, x, compress)
        label_name = path.name.replace("images", "labels").replace("idx3", "idx1")
        write_idx(tmp_path / label_name, y, compress)
    data = load_dataset(tmp_path)
    assert data.features.numeric.shape == (30, 20)
    assert data.features.numeric.dtype == np.uint8
    assert data.test_rows.tolist() == list(range(20, 30))
    assert (data.features.numeric[:20] == images(20, 0)[0].reshape(20, -1)).all()
    one = load_dataset(tmp_path / (name.format("train") + ending))
    assert (one.n_rows, one.test_rows, one.task) == (20, None, "multiclass")


def test_a_column_may_be_named_by_its_number_as_text(tmp_path):
    # As `--target 0` comes from a command; a column of that very name goes before.
    path = tmp_path / "plain.csv"
    path.write_text("".join(f"{i % 2},{i / 7:.3f},{i % 5}\n" for i in range(20)))
    assert load_dataset(path, target="0").target_name == load_dataset(path, target=0).target_name
    assert load_dataset(path, target="-1").target_name == load_dataset(path, target=-1).target_name
    named = pl.DataFrame({"1": np.arange(20) % 2, "0": np.arange(20) / 7})
    assert load_dataset(named, target="1").target_name == "1"
    with pytest.raises(DataError, match="target 7 is not an index of one"):
        load_dataset(path, target="7")


@pytest.mark.catalogue("BPG-07")
def test_files_like_those_of_mnist(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 10)):
        x, y = rng.integers(0, 256, (n, 28, 28), np.uint8), (np.arange(n) % 10).astype(np.uint8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", x, compress=True)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", y, compress=True)
    data = load_dataset(tmp_path)
    assert data.features.numeric.shape == (70, 784)
    assert data.features.row_shape == (28, 28, 1)
    assert (data.task, len(data.classes), len(data.test_rows)) == ("multiclass", 10, 10)
    assert (data.features.numeric[60:] == x.reshape(10, 784)).all()


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_idx_of_wider_numbers(tmp_path, dtype):
    x = np.arange(60).reshape(12, 5).astype(dtype)
    write_idx(tmp_path / "a-images-idx2", x)
    write_idx(tmp_path / "a-labels-idx1", (np.arange(12) % 2).astype(np.uint8))
    data = load_dataset(tmp_path / "a-images-idx2")
    assert (data.features.numeric == x).all()


@pytest.mark.parametrize("name", BUILTIN)
def test_built_in_sets(name):
    data = load_dataset(name)
    expected = {"digits": 10, "iris": 3, "wine": 3, "breast_cancer": 2, "diabetes": None}[name]
    assert (None if data.classes is None else len(data.classes)) == expected
    assert data.describe()[0].startswith(name)
    assert BUILTIN[name].__doc__


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1] * 30, "binary", (0, 1)),
        ([1.0, 2.0, 3.0] * 20, "multiclass", (1, 2, 3)),
        (list(range(60)), "regression", None),
        ([float(i % 30) for i in range(60)], "regression", None),
        ([0.5 * (i % 7) for i in range(60)], "regression", None),
        (["b", "a", "c"] * 20, "multiclass", ("a", "b", "c")),
        ([True, False] * 30, "binary", (False, True)),
        ([0.25, 0.75] * 30, "binary", (0.25, 0.75)),
    ],
)
def test_task_is_found(values, task, classes):
    x = np.random.default_rng(0).normal(size=(60, 2))
    for y in (np.array(values), pl.Series("y", values)):
        data = load_dataset((x, y) if isinstance(y, np.ndarray) else (pl.DataFrame(x), y))
        assert (data.task, data.classes) == (task, classes)
        if classes:
            assert [data.classes[i] for i in data.y] == values


def test_task_can_be_said_and_the_guess_is_said_aloud():
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 6
    assert load_dataset((x, y), task="regression").y.dtype == np.float64
    assert load_dataset((x, y % 2), task="multiclass").task == "multiclass"
    assert any("taken as classes" in note for note in load_dataset((x, y)).notes)


def csv(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n3,4\n5,6\n", True),
        ("1,2\n3,4\n5,6\n", False),
        ("M,0.4,7\nF,0.5,8\nM,0.6,9\n", False),
        ("39, State-gov, <=50K\n50, Private, >50K\n38, Private, <=50K\n", False),
        ("label\ttext\nham\tgo\nspam\twin\nham\tok\n", True),
        ("ham\tgo\nspam\twin\nham\tok\n", False),
        ("name,2019\nx,1.5\ny,2.5\nz,\n", False),
        ("name,size,2019\nx,1,1.5\ny,2,2.5\n", True),
        ("a,b\n?,NA\n1,2\n", True),
    ],
)
def test_header_is_recognised(tmp_path, text, header):
    from gradlab.data.delimited import parse_delimited

    table, notes = parse_delimited(text.encode(), "t")
    assert table.height == text.count("\n") - header
    assert table.columns[0].startswith("column_") is not header
    assert any("no header row" in note for note in notes) is not header
    forced, _ = parse_delimited(text.encode(), "t", header=False)
    assert forced.height == text.count("\n")
    forced, _ = parse_delimited(text.encode(), "t", header=True)
    assert forced.height == text.count("\n") - 1


def test_quotes_newlines_spaces_and_missing_markers(tmp_path):
    rows = 'name,n,y\n"a, ""b""\nc", 1 ,u\n x , ? ,v\n' + "x,NA,u\nx,nan,v\nx,2,u\n" * 5
    data = load_dataset(csv(tmp_path, rows))
    assert data.features.nominal["name"].categories == ('a, "b"\nc', "x")
    assert np.isnan(data.features.numeric[:, 0]).sum() == 11
    assert any("cells are missing ('n' 11)" in note for note in data.notes)


def test_quotes_that_do_not_pair_up_are_plain_characters(tmp_path):
    text = "label\ttall\n" + 'a\t6" tall\nb\t5" 3\n' * 6 + 'a\t"odd\n'
    data = load_dataset(csv(tmp_path, text, "t.tsv"), target="label")
    assert '"odd' in data.features.nominal["tall"].categories
    assert any("do not pair up" in note for note in data.notes)


def test_decimal_commas(tmp_path):
    data = load_dataset(csv(tmp_path, "a;b;y\n" + "1,5;2;u\n2,25;3;v\n" * 5))
    assert data.features.numeric[:2, 0].tolist() == [1.5, 2.25]
    # Three digits behind every comma may be thousands: not taken for numbers.
    data = load_dataset(csv(tmp_path, "a;b;y\n" + "1,500;2;u\n2,250;3;v\n" * 5))
    assert "a" in data.features.nominal


@pytest.mark.catalogue("PRE-05")
def test_a_table_of_mixed_units_is_typed_and_scaled_by_column(tmp_path):
    text = "device,temperature,vibration,current,hours\n"
    rng = np.random.default_rng(0)
    for i in range(24):
        numbers = rng.normal([60, 0.2, 5, 4000], [9, 0.1, 2, 900]).round(3)
        text += f"{'pump' if i % 3 else 'fan'},{','.join(map(str, numbers))}\n"
    data = load_dataset(csv(tmp_path, text), target="hours")
    assert list(data.features.nominal) == ["device"]
    assert data.features.numeric_names == ("temperature", "vibration", "current")
    whole = pl.read_csv(text.encode())
    data = load_dataset((whole, np.arange(24.0)))
    assert len(data.features.numeric_names) == 4
    z = Preprocessor.fit(data.features).transform(data.features)
    assert z[:, :4].mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-5)
    assert z[:, :4].std(axis=0) == pytest.approx(np.ones(4), abs=1e-5)
    assert (z[:, 4:].sum(axis=1) == 1).all()


def test_useless_columns_are_left_out_and_named(tmp_path):
    text = "id,same,none,name,a,y\n" + "".join(
        f"{i},7,,only,{i * i % 17},{'uv'[i % 2]}\n" for i in range(30)
    )
    data = load_dataset(csv(tmp_path, text))
    assert data.features.names == ("a",)
    notes = " ".join(data.notes)
    for said in ("'id' numbers the rows", "'none' has no value", "'same' is constant", "'name'"):
        assert said in notes


def test_rows_without_a_target_are_left_out(tmp_path):
    data = load_dataset(csv(tmp_path, "a,y\n" + "1,u\n2,\n3,v\n" * 4))
    assert data.n_rows == 8
    assert any("4 rows have no value of target 'y'" in note for note in data.notes)
    x = np.arange(12.0)[:, None]
    y = np.where(np.arange(12) % 3, np.arange(12) * 0.5, np.nan)
    assert load_dataset((x, y)).n_rows == 8


def test_groups_and_time_leave_the_features(tmp_path):
    text = "when,who,a,y\n" + "".join(
        f"2024-01-{30 - i:02d},p{i % 5},{i * i % 11},{i * 0.5}\n" for i in range(29)
    )
    data = load_dataset(csv(tmp_path, text), time="when", drop="who")
    assert data.features.names == ("a",)
    assert (np.diff(data.time) == -86400).all()
    assert split_rows(data).test.tolist() == list(range(len(split_rows(data).test)))
    data = load_dataset(csv(tmp_path, text), groups="who", drop=("when",))
    assert (data.groups == np.arange(29) % 5).all()
    by_array = load_dataset(
        (np.arange(29.0)[:, None] ** 2, np.arange(29) * 0.5), groups=data.groups
    )
    assert (by_array.groups == data.groups).all()


def test_a_second_source_is_the_test_part(tmp_path):
    train = csv(tmp_path, "a,c,y\n" + "1,x,u\n2,z,v\n" * 6)
    test = csv(tmp_path, "y,a,c\nu,5,new\nv,,x\n", "test.csv")
    data = load_dataset(train, test=test, target="y")
    assert data.test_rows.tolist() == [12, 13]
    assert data.features.numeric[12, 0] == 5
    assert data.features.nominal["c"].values()[12] == "new"
    x = np.random.default_rng(0).normal(size=(9, 2))
    data = load_dataset((x, [0, 1] * 4 + [0]), test=(x[:2] + 1, [1, 0]))
    assert data.test_rows.tolist() == [9, 10]


def test_a_column_that_tells_the_target_is_mentioned():
    table = (
        frame()
        .with_columns(leak=pl.col("kind").str.to_uppercase())
        .select("leak", "size", "colour", "kind")
    )
    data = load_dataset(table)
    assert any("Column 'leak' tells the target" in note for note in data.notes)
    assert not any("'colour' tells" in note for note in data.notes)


def test_the_fingerprint_is_of_the_content():
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    first = load_dataset((x, y)).fingerprint
    assert len(first) == 64
    assert load_dataset((x.copy(), y)).fingerprint == first
    changed = x.copy()
    changed[3, 1] += 1e-9
    assert load_dataset((changed, y)).fingerprint != first
    assert load_dataset((x, 1 - y)).fingerprint != first


# New data for a model -----------------------------------------------------------------------------


@pytest.fixture
def fitted():
    return Preprocessor.fit(load_dataset(frame()).features)


def test_new_data_may_have_other_columns_in_any_order(fitted, tmp_path):
    expected = fitted.transform(load_dataset(frame()).features)
    shuffled = frame().select("weight", "colour", "size").with_columns(extra=pl.lit("2024-01-01"))
    path = tmp_path / "new.csv"
    shuffled.write_csv(path)
    for source in (shuffled, shuffled.to_pandas(), path):
        assert np.array_equal(fitted.transform(features_like(source, fitted)), expected)


def test_one_new_row_with_missing_and_unseen_cells(fitted, tmp_path):
    path = csv(tmp_path, "size,colour,weight\n,violet,3\n")
    z = fitted.transform(features_like(path, fitted))
    assert z.shape == (1, 5)
    assert z[0, 0] == 0  # no value: the training mean
    assert z[0, 2:].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("size,colour\n1,red\n", "lacks column 'weight'"),
        ("sizes,colour,weight\n1,red,2\n", "Did you mean 'sizes'"),
        ("size,colour,weight\n1,red,2\n1,red,heavy\n", "row 2: column 'weight' says 'heavy'"),
        ("size,colour,weight\n1,red,inf\n", "column 'weight', row 1 is inf"),
    ],
)
def test_new_data_that_does_not_fit(fitted, tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        features_like(csv(tmp_path, text), fitted)


def test_new_numbers_where_names_were(fitted):
    new = pl.DataFrame({"size": [1.0], "colour": [3], "weight": [2.0]})
    with pytest.raises(DataError, match="trained on names"):
        features_like(new, fitted)
    with pytest.raises(DataError, match="nominal columns"):
        features_like(np.ones((2, 3)), fitted)


def test_new_arrays_match_by_position_or_name():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=30), np.ones(30), rng.normal(size=30)])
    fitted = Preprocessor.fit(load_dataset((x, np.arange(30) % 2)).features)
    assert fitted.columns == ("x0", "x2")
    assert (features_like(x, fitted).numeric == x[:, [0, 2]]).all()
    iris = Preprocessor.fit(load_dataset("iris").features)
    assert features_like(np.ones((2, 4)), iris).names == iris.columns
    with pytest.raises(DataError, match="has 3 columns, the model was trained on 4"):
        features_like(np.ones((2, 3)), iris)
    pictures = Preprocessor.fit(load_dataset("digits").features)
    assert features_like(np.ones((2, 8, 8)), pictures).numeric.shape == (2, 64)


def test_import_is_light():
    code = (
        "import sys, gradlab.data; "
        "print([m for m in ('jax', 'polars', 'pandas', 'sklearn', 'scipy', 'plotly') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
