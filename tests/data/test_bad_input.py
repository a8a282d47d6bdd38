"""Whatever comes in, only a DataError comes out, and it says what, where and what to do."""

import contextlib
import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.data import features_like, load_dataset, memory_limit
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.delimited import parse_delimited
from gradlab.data.idx import parse_idx
from gradlab.data.limits import check_memory, gibibytes
from gradlab.data.preprocessor import Preprocessor
from gradlab.errors import DataError

GOOD = "a,b,y\n" + "1,5,u\n2,7,v\n" * 6
ENDINGS = ["csv", "tsv", "parquet", "arrow", "jsonl", "npz", "npy", "csv.gz", "idx3-ubyte"]


def refused(source, match, **options):
    with pytest.raises(DataError, match=match):
        load_dataset(source, **options)


def file(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_folder_empty_and_garbage(tmp_path, ending):
    refused(tmp_path / f"t.{ending}", "There is no file")
    (tmp_path / f"d.{ending}").mkdir()
    refused(tmp_path / f"d.{ending}", "is a folder")
    refused(file(tmp_path, b"", f"e.{ending}"), "empty|not a whole|not readable|cut short|damaged")
    garbage = bytes(np.random.default_rng(0).integers(0, 256, 400, dtype=np.uint8))
    with pytest.raises(DataError):
        load_dataset(file(tmp_path, garbage, f"g.{ending}"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_permission(tmp_path, ending, monkeypatch):
    path = file(tmp_path, GOOD, f"t.{ending}")

    def deny(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    # A test may run as root, whom rights do not stop.
    for where in ("pathlib.Path.read_bytes", "pathlib.Path.open", "polars.scan_parquet"):
        monkeypatch.setattr(where, deny)
    monkeypatch.setattr("zipfile.ZipFile", deny)
    refused(path, r"No permission to read .*chmod")


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", deny)
    refused(tmp_path, "No permission")


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("digit", "Did you mean 'digits'"),
        ("dgits", "Known sets: digits"),
        ("a\0b.csv", "not a file name|no file"),
        ("x" * 5000 + ".csv", "File name too long"),
        (3.5, "Data of type float"),
        (None, "NoneType"),
        ((1, 2, 3), "tuple of 3"),
        ([[1, 2], [3, 4]], "Data of type list"),
    ],
)
def test_sources_that_are_none(source, match):
    refused(source, match)


@pytest.mark.parametrize(
    ("name", "match"),
    [("t.zip", "Unpack"), ("t.xlsx", "as CSV"), ("t.pkl", "can run code"), ("t.json", "jsonl")],
)
def test_formats_that_are_not_read(tmp_path, name, match):
    refused(file(tmp_path, "x", name), match)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("\n\n \n", "only blank lines"),
        ("a,b,y\n", "no data below"),
        ("a,b,y\n1,2,u\n", "in 1 row only"),
        ("a,b,y\n1,2,u\n3,4,u\n", "1 distinct value .*nothing to learn"),
        ("a,b,y\n1,2,\n3,4,NA\n", "'y' has no value in any row"),
        ("a,b,y\n1,1,u\n1,1,v\n", "no feature is left"),
        ("a,b,y\n,,u\n,?,v\n", "no feature is left"),
        ("a,a,y\n1,2,u\n3,4,v\n", r"two columns called 'a' \(columns 1 and 2\)"),
        ("a,b,y\n1,2,u\n1,2\n3,4,v\n", "line 3: 2 fields, but the first line has 3"),
        ("a,b,y\n1,2,u\n1,2,v,9\n3,4,v\n", "line 3: 4 fields, but the first line has 3"),
        ("a,b,y\n1,inf,u\n3,4,v\n", "column 'b', row 1 is inf"),
        ("a,b,y\n1,2,u\n3,-Infinity,v\n", "column 'b', row 2 is -inf"),
        ("y\nu\nv\n", "no column left to learn from"),
        ("a,y\n1,inf\n2,3\n4,5.5\n", "Target 'y' is infinite in row 1"),
    ],
)
def test_bad_tables(tmp_path, text, match):
    refused(file(tmp_path, text), match, header=True if "y" in text.split("\n")[0] else None)


def test_line_numbers_count_lines_inside_quotes(tmp_path):
    text = 'a,b,y\n"x\nx",2,u\n1,2\n'
    refused(file(tmp_path, text), "line 4: 2 fields")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (GOOD.encode() + "café,1,u\n".encode("latin1"), r"byte 0xE9 in line 14.*iconv"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (b"a,b\n1,\0\n", "zero bytes"),
        (b"\xef\xbb\xbf\n", "blank lines"),
    ],
)
def test_wrong_encoding(tmp_path, content, match):
    refused(file(tmp_path, content), match)


@pytest.mark.parametrize("cut", [12, 30, -9])
def test_truncated_files(tmp_path, cut):
    table = pl.read_csv(GOOD.encode())
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ipc(tmp_path / "t.arrow")
    np.savez(tmp_path / "t.npz", X=np.ones((9, 2)), y=np.arange(9))
    np.save(tmp_path / "t.npy", np.ones((9, 2)))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    pixels = np.random.default_rng(0).integers(0, 256, 99, dtype=np.uint8).tobytes()
    idx = gzip.compress(b"\0\0\x08\x01\0\0\0\x63" + pixels)
    (tmp_path / "t-images-idx1-ubyte.gz").write_bytes(idx)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[:cut])
        refused(path, "not a whole|cut short|damaged|not readable|empty")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\0\0\x08\x01\0\0\0\x05ab", "cut short or damaged"),
        (b"\0\0\x08\x01\0\0\0\x01ab", "holds 10"),
        (b"\0\0\x08\x03\0\0", "cut short or no idx"),
        (b"\0\0\x07\x01\0\0\0\x01a", "not an idx file"),
        (b"\0\0\x08\0", "0 dimensions"),
        (b"\0\0\x08\x01\0\0\0\0", "holds no data"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff", "4294967295 x 4294967295"),
    ],
)
def test_bad_idx(content, match):
    with pytest.raises(DataError, match=match):
        parse_idx(content, "t")


def test_idx_files_that_do_not_belong_together(tmp_path):
    images = b"\0\0\x08\x02\0\0\0\x02\0\0\0\x01ab"
    path = file(tmp_path, images, "train-images-idx2-ubyte")
    refused(path, "needs a labels file beside it")
    labels = file(tmp_path, b"\0\0\x08\x01\0\0\0\x01a", "train-labels-idx1-ubyte")
    refused(path, r"labels of shape \(1,\) for 2 images")
    labels.write_bytes(b"\0\0\x08\x01\0\0\0\x02ab")
    file(tmp_path, b"\0\0\x08\x02\0\0\0\x01\0\0\0\x02ab", "t10k-images-idx2-ubyte")
    file(tmp_path, b"\0\0\x08\x01\0\0\0\x01a", "t10k-labels-idx1-ubyte")
    refused(tmp_path, "They must be alike")
    path.unlink()
    refused(tmp_path, "no training images")


def test_columns_that_need_a_person(tmp_path):
    rows = [
        f"2024-01-{i + 1:02d},u{i},this is text number {i} of many words,{i % 5},{'ab'[i % 2]}"
        for i in range(28)
    ]
    path = file(tmp_path, "day,user,text,n,y\n" + "\n".join(rows))
    refused(
        path, r"'day' \(dates.*'user' \(IDs.*'text' \(free text.*drop=\('day', 'user', 'text'\)"
    )
    assert load_dataset(path, drop=("day", "user", "text")).features.names == ("n",)
    refused(path, "Target 'day' of t holds dates", target="day")
    refused(path, "looks like an ID", target="user", drop=("day", "text"))
    refused(path, "no column 'dya' for the drop.*'day'", drop="dya")
    refused(path, "is the target and can't be dropped", drop=("day", "user", "text", "y"))
    refused(path, "neither numbers nor dates", time="text", drop=("day", "user"))


def test_frames_with_types_that_are_no_features():
    base = {"n": [1.0, 2.0, 5.0], "y": ["u", "v", "u"]}
    dates = pd.DataFrame({"when": pd.to_datetime(["2024-01-01"] * 3), **base})
    refused(dates, "'when' \\(dates")
    refused(pl.DataFrame({"l": [[1], [2], [3]], **base}), "'l' \\(values of type List")
    assert load_dataset(dates, time="when").time is not None


def test_numbers_with_typing_mistakes_are_pointed_at(tmp_path):
    rows = [f"{i},{'ab'[i % 2]}" for i in range(40)]
    rows[6] = "1o,a"
    refused(file(tmp_path, "n,y\n" + "\n".join(rows)), r"except in 1 cell: row 7 says '1o'")
    rows = [f"{i % 7},{i * 0.5}" for i in range(40)]
    rows[3] = "1,12 kg"
    refused(file(tmp_path, "n,y\n" + "\n".join(rows)), "'y' holds numbers except .*'12 kg'")


def test_targets_that_are_a_mistake(tmp_path):
    path = file(tmp_path, GOOD)
    refused(path, "no column 'yy' for the target. Did you mean 'y'", target="yy")
    refused(path, "no column 'A' for the target. Did you mean 'a'", target="A")
    refused(path, "target 7 is not an index", target=7)
    refused(path, "Unknown task 'clasify'", task="clasify")
    refused(path, "regression needs numbers", task="regression")
    x = np.arange(20_000.0)[:, None]
    ids = np.array([f"id{i}" for i in range(20_000)])
    refused((x, ids), "20000 different values in 20000 rows .*looks like an ID")
    refused((x, ids[np.arange(20_000) % 10_000]), "10000 different values")
    refused((x, np.arange(20_000)), "looks like an ID", task="multiclass")
    refused((x[:9], np.arange(9) // 3), "A binary task needs 2 classes; target 'target' has 3",
            task="binary")  # fmt: skip
    refused((x[:3], np.array([1.0, np.inf, 2])), "infinite in row 2")
    refused((x[:3], np.array([1, "a", 2.5], dtype=object)), "mixes")
    refused((x[:3], np.array([1j, 2, 3])), "dtype complex128")


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.ones(4), np.arange(4), "expected \\(rows, columns\\)"),
        (np.ones((4, 1, 1, 1, 1)), np.arange(4), "5 axes"),
        (np.ones((0, 3)), np.ones(0), "no value in any row|holds no data"),
        (np.ones((4, 0)), np.arange(4), "holds no data"),
        (np.ones((4, 2)), np.arange(3), "4 rows of features but 3 target values"),
        (np.ones((4, 2)), np.ones((4, 3)), "argmax"),
        (np.ones((4, 2), complex), np.arange(4), "dtype complex128"),
        (np.ones((4, 2)), np.arange(4) % 2, "no feature is left"),
        (np.full((4, 2), np.nan), np.arange(4) % 2, "no feature is left"),
        (np.array([[1.0], [np.inf], [2.0]]), [0, 1, 0], "column 'x0', row 2 is inf"),
        ([[1, 2], [3]], [0, 1], "equally long"),
        (np.arange(4.0)[:, None], [1, 1, 1, 1], "only 1 occurs"),
        (np.arange(1.0)[:, None], [1], "in 1 row only"),
    ],
)
def test_bad_arrays(x, y, match):
    refused((x, y), match)


def test_sparse_matrices_and_bad_frames():
    from scipy.sparse import csr_array

    refused((csr_array(np.eye(3)), [0, 1, 0]), "toarray")
    refused(pd.DataFrame(), "frame is empty")
    refused(pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns called 'a'")
    refused((pl.DataFrame({"a": [1, 2]}), [1, 2, 3]), "2 rows of features but 3 target values")
    refused((pl.DataFrame({"a": [1, 2]}), pl.Series([1, 2, 3])), "X has 2 rows, y has 3")


def test_npz_without_a_pair_or_with_objects(tmp_path):
    np.savez(tmp_path / "t.npz", left=np.ones(3), right=np.ones(3))
    refused(tmp_path / "t.npz", "holds left, right; expected a pair")
    np.savez(tmp_path / "o.npz", X=np.array([{}, {}]), y=np.ones(2))
    refused(tmp_path / "o.npz", "pickled objects, which can run code")
    np.save(tmp_path / "o.npy", np.array([{}, {}]))
    refused(tmp_path / "o.npy", "pickled objects")
    np.save(tmp_path / "v.npy", np.ones(5))
    refused(tmp_path / "v.npy", "expected \\(rows, features \\+ target\\)")
    np.save(tmp_path / "m.npy", np.ones((5, 2)))
    refused(tmp_path / "m.npy", "no target column 'y'", target="y")


def test_groups_and_time_that_do_not_work(tmp_path):
    path = file(tmp_path, "g,t,a,y\n" + ",1/2/2024,1,u\nx,3/4/2024,2,v\n" * 6)
    refused(path, "group column 'g' is empty in row 1", groups="g", drop="t")
    refused(path, "day/month or month/day", time="t", drop="g")
    refused(path, "time column 'g' is empty", time="g", drop="t")
    refused(path, "no column 'h' for the groups", groups="h")
    x, y = np.arange(6.0)[:, None], [0, 1] * 3
    refused((x, y), "names a column, but the data came as arrays", groups="g")
    refused((x, y), "one value a row", time=[1.0, 2.0])
    refused((x, y), "missing values", time=[1.0, 2, 3, 4, 5, np.nan])
    refused((x, y), "finite numbers or dates", time=list("abcdef"))


def test_test_parts_that_do_not_belong(tmp_path):
    path = file(tmp_path, GOOD)
    other = file(tmp_path, "a,y\n1,u\n", "o.csv")
    refused(path, "lacks column 'b' of t", test=other)
    strange = file(tmp_path, "a,b,y\n1,2,u.\n", "s.csv")
    refused(path, r"has class 'u.', which the training part lacks. Did you mean 'u'", test=strange)
    refused(path, "table or arrays", test=(np.ones((3, 2)), [0, 1, 0]))
    refused((np.ones((3, 2)), [0, 1, 0]), "must be alike", test=(np.ones((3, 4)), [0, 1, 0]))


def test_a_target_that_can_not_be_chosen():
    refused("iris", "comes with its target, 'species'", target="petal width (cm)")
    refused((np.ones((3, 2)), [0, 1, 0]), "comes with its target", target=0)
    assert load_dataset("iris", target="species").n_rows == 150


def test_other_options(tmp_path):
    path = file(tmp_path, GOOD)
    refused(path, "max_bytes must be positive", max_bytes=0)
    refused(path, "needs about", max_bytes=100)
    pl.read_csv(GOOD.encode()).write_parquet(tmp_path / "t.parquet")
    refused(tmp_path / "t.parquet", "needs about", max_bytes=100)
    refused(tmp_path / "t.parquet", "header=True is for text tables", header=True)
    bomb = file(tmp_path, gzip.compress(b"1,2\n" * 10**6), "b.csv.gz")
    refused(bomb, "unpacked, needs about", max_bytes=10**6)


def test_memory_estimates():
    assert memory_limit() > 2**20
    with pytest.raises(DataError, match=r"needs about 20.0 GiB .*allowed"):
        check_memory("big", 20 * 2**30, 2**30)
    assert gibibytes(2**20) == "1.0 MiB"


def test_a_dataset_checks_its_lengths():
    with pytest.raises(DataError, match="features have 3 rows, the target 2"):
        Dataset("d", FeatureTable(("a",), np.ones((3, 1))), np.ones(2), "regression", None, "y")


# Fuzzing: no other exception ever escapes --------------------------------------------------------

cells = st.sampled_from(
    ["1", "2.5", "-3", "", "?", "NA", "x", "y", '"q"', '"', "inf", "1e999", "é"]
)
lines = st.lists(cells, min_size=1, max_size=4).map(",".join)
tables = st.lists(lines, max_size=12).map(lambda rows: "\n".join(rows).encode())


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), tables), st.sampled_from([None, True, False]))
def test_any_bytes_as_csv(tmp_path_factory, content, header):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    try:
        data = load_dataset(path, header=header)
    except DataError:
        return
    assert data.n_rows >= 2
    assert np.isfinite(Preprocessor.fit(data.features).transform(data.features)).all()


@settings(max_examples=200)
@given(st.text(alphabet='a1,;\t|"\n\r .é', max_size=80))
def test_any_text_as_a_table(text):
    try:
        table, _ = parse_delimited(text.encode(), "t")
    except DataError:
        return
    assert table.height >= 1
    assert len(set(table.columns)) == table.width


idx_like = st.tuples(
    st.sampled_from([b"\0\0", b"\0\1"]),
    st.sampled_from([7, 8, 9, 11, 12, 13, 14]),
    st.integers(0, 5),
    st.lists(st.integers(0, 3), max_size=5),
    st.binary(max_size=60),
).map(lambda t: t[0] + bytes(t[1:3]) + b"".join(size.to_bytes(4, "big") for size in t[3]) + t[4])


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=64), idx_like))
def test_any_bytes_as_idx(content):
    try:
        array = parse_idx(content, "t")
    except DataError:
        return
    assert array.size


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(["npz", "npy", "parquet"]))
def test_a_flipped_byte_in_a_binary_file(tmp_path_factory, position, byte, ending):
    folder = tmp_path_factory.getbasetemp()
    good = folder / f"good.{ending}"
    if not good.exists():
        x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
        if ending == "npz":
            np.savez_compressed(good, X=x, y=y)
        elif ending == "npy":
            np.save(good, np.column_stack([x, y]))
        else:
            pl.DataFrame({"a": x[:, 0], "y": y}).write_parquet(good)
    content = bytearray(good.read_bytes())
    content[position % len(content)] = byte
    bad = folder / f"bad.{ending}"
    bad.write_bytes(content)
    with contextlib.suppress(DataError):
        load_dataset(bad, max_bytes=2**24)


def test_a_parquet_file_on_which_polars_aborts(tmp_path):
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    x = np.arange(40.0).reshape(20, 2)
    pl.DataFrame({"a": x[:, 0], "y": np.arange(20) % 2}).write_parquet(good)
    assert load_dataset(good).n_rows == 20
    content = bytearray(good.read_bytes())
    content[14] = 1  # within the header of the first page
    bad.write_bytes(content)
    with pytest.raises(DataError, match="not a whole Parquet file"):
        load_dataset(bad)


def test_features_like_of_nothing():
    fitted = Preprocessor.fit(load_dataset("iris").features)
    with pytest.raises(DataError, match="NoneType"):
        features_like(None, fitted)


def test_infinite_cells_in_what_looks_like_row_numbers(tmp_path):
    refused(file(tmp_path, ",y\ninf,1\ninf,2\ninf,3\n"), "inf")
