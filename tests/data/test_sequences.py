"""Series in long form, of UCR files and of arrays; what the network sees of them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_of

from gradlab.data import features_like, load_dataset, split_rows
from gradlab.data.fitting import fit_preprocessor, preprocessor_from_dict
from gradlab.data.sequences.arrays import sequence_dataset, sequence_features
from gradlab.data.sequences.preprocessor import SequencePreprocessor, carry_forward
from gradlab.errors import DataError

LONG = """who,when,heat,sound,kind
b,1,1.5,10,up
a,1,2.5,20,down
b,2,3.5,30,up
a,2,4.5,,down
a,3,5.5,60,down
c,7,6.5,70,up
"""
TS = "# made up\n@problemName Steps\n@classLabel true up down\n@data\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refused(source, match, **options):
    with pytest.raises(DataError, match=match):
        load_dataset(source, **options)


def block(features):
    return features.numeric.reshape(features.n_rows, *features.row_shape)


def test_long_form_becomes_one_row_a_series(write):
    data = load_dataset(write(LONG), series="who", time="when", target="kind")
    assert data.features.names == ("heat", "sound")
    assert data.features.row_shape == (3, 2)
    assert data.features.lengths.tolist() == [2, 3, 1]  # b, a, c: in the order of the table
    assert [data.classes[code] for code in data.y] == ["up", "down", "up"]
    expected = [[[1.5, 10], [3.5, 30], [0, 0]], [[2.5, 20], [4.5, np.nan], [5.5, 60]]]
    np.testing.assert_array_equal(block(data.features)[:2], expected)
    told = " ".join(data.describe())
    assert "sequences of 1 to 3 steps with 2 features" in told
    assert "1 sequence has one step only" in told
    assert "'sound' 1" in told


def test_times_are_dates_and_gaps_are_said(write):
    days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-09"]
    rows = [f"{s},{d},{i}.5,{s}" for s in "ab" for i, d in enumerate(days)]
    data = load_dataset(write("s,day,x,y\n" + "\n".join(rows)), series="s", time="day")
    assert any("2 gaps" in note and "2024-01-09" in note for note in data.notes)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("b,2,3.5", "b,1,3.5", r"row 3: series 'b' has time 1 twice \(also in row 1\)"),
        ("a,3,5.5", "a,1.5,5.5", r"row 5: series 'a' has time 1.5 after 2.*sort the rows"),
        ("b,2,3.5,30,up", "b,2,3.5,30,down", "'kind' varies within series 'b'.*row 3"),
        ("b,2,", ",2,", "row 3: the series column 'who' is empty"),
        ("b,2,", "b,,", "time column 'when' is empty in row 3"),
        ("3.5", "inf", "'heat', row 3"),
    ],
)
def test_what_is_wrong_in_long_form_is_named(write, old, new, match):
    assert old in LONG
    refused(write(LONG.replace(old, new)), match, series="who", time="when", target="kind")


def test_a_single_series_is_advised_to_be_forecast(write):
    lines = LONG.splitlines()
    one = "\n".join([lines[0], *(line for line in lines if line.startswith("a"))])
    refused(write(one), r"single series \('a'\).*horizon=", series="who", time="when")


def test_a_test_part_has_series_of_its_own_whatever_their_names(write):
    path = write(LONG)
    data = load_dataset(path, series="who", time="when", target="kind", test=path)
    assert data.n_rows == 6
    assert data.test_rows.tolist() == [3, 4, 5]
    np.testing.assert_array_equal(block(data.features)[:3], block(data.features)[3:])


def test_groups_of_series_stay_together(write):
    rows = [f"{i},{t},{i + t}.5,{'uv'[i % 2]},{i // 2}" for i in range(12) for t in range(3)]
    path = write("s,t,x,y,room\n" + "\n".join(rows))
    data = load_dataset(path, series="s", time="t", target="y", groups="room")
    assert data.features.names == ("x",)
    split = split_rows(data)
    parts = [set(data.groups[rows]) for rows in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]


def test_categories_of_steps_become_features(write):
    rows = [f"{s},{t},{'NS'[(s + t) % 2]},{'uv'[s % 2]}" for s in range(6) for t in range(4)]
    path = write("s,t,wind,y\n" + "\n".join(rows))
    data = load_dataset(path, series="s", time="t", target="y")
    assert data.features.names == ("wind = N", "wind = S")
    assert block(data.features)[1, :, 1].tolist() == [1, 0, 1, 0]
    fitted = SequencePreprocessor.fit(data.features)
    again = features_like(path, fitted, series="s", time="t")
    np.testing.assert_array_equal(fitted.transform(again), fitted.transform(data.features))


def test_one_series_a_row_ends_where_its_cells_do(write):
    path = write("y,t1,t2,t3\nu,1,2,3\nv,4,5,\nu,7,,9\nv,1,1,1\n")
    data = load_dataset(path, series="rows", target="y")
    assert data.features.lengths.tolist() == [3, 2, 3, 3]
    np.testing.assert_array_equal(block(data.features)[1:3, :, 0], [[4, 5, 0], [7, np.nan, 9]])
    refused(write("y,t1,t2\nu,1,2\nv,,\n"), "row 2: a series without", series="rows", target="y")


def test_ts_of_several_channels_unlike_lengths_and_missing_values(write):
    path = write(TS + "1,2,3:4,?,6:up\n\n7:8:down\n# done\n", "t.ts")
    data = load_dataset(path)
    assert (data.name, data.features.row_shape) == ("Steps", (3, 2))
    assert data.features.lengths.tolist() == [3, 1]
    expected = [[[1, 4], [2, np.nan], [3, 6]], [[7, 8], [0, 0], [0, 0]]]
    np.testing.assert_array_equal(block(data.features), expected)
    assert [data.classes[code] for code in data.y] == ["up", "down"]


def test_a_pair_of_ts_files_gives_the_test_part(write):
    train = write(TS + "1,2:up\n3,4:down\n", "set/S_TRAIN.ts")
    test = write(TS + "5,6,7:down\n", "set/S_TEST.ts")
    data = load_dataset(train.parent)
    assert data.test_rows.tolist() == [2]
    assert data.features.lengths.tolist() == [2, 2, 3]
    assert load_dataset(train, test=test).fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (TS + "1,2:up\n1,x:down\n", "line 6: 'x' where a number"),
        (TS + "1,2:up\n:down\n", "line 6: a series without steps"),
        (TS + "1,2:up\n1,2\n", "line 6: no colon"),
        (TS + "1,2:up\n1,2:dwon\n", r"line 6: class 'dwon'.*Did you mean 'down'\?"),
        (TS + "1,2:3,4:up\n1,2:3:down\n", "line 6: the channels have 2, 1 steps"),
        (TS + "1,2:3,4:up\n1,2:down\n", "line 6: 1 channels, but the first series has 2"),
        (TS + "1,inf:up\n", "line 5: an infinite value"),
        (TS, "no series below @data"),
        ("@classLabel true a\n", "no line @data"),
        ("1,2,3\n", "line 1: '1,2,3' comes before @data"),
        ("@timeStamps true\n@data\n(1,2):3\n", "time stamps"),
        ("@classLabel false\n@data\n1,2\n", "no classes or targets"),
        (TS + "1,2:up\0\n", "line 5: a zero byte"),
        (TS.encode() + b"1,2:\xffp\n", "line 5: byte 0xFF is not UTF-8"),
        (b"", "is empty"),
    ],
)
def test_a_bad_ts_file_is_refused_with_its_line(write, content, match):
    refused(write(content, "t.ts"), match)


@given(st.text(alphabet="@data \n:,?1.classLbetruf#", max_size=60))
def test_whatever_a_ts_file_says_only_a_data_error_comes(text):
    from gradlab.data.sequences.ucr import parse_ts

    try:
        found = parse_ts(text, "t.ts")
    except DataError:
        return
    assert found.features.n_rows >= 1


def test_options_that_do_not_go_together_are_refused(write):
    ts = write(TS + "1,2:up\n3,4:down\n", "t.ts")
    refused(ts, "series= has nothing to choose", series="who")
    refused(write(LONG), "window= needs horizon=", series="who", window=3)
    refused((np.zeros((4, 2)), [0, 1, 0, 1]), "sequence_dataset", series="x0")
    refused(write(LONG), "tokens= does not go with", tokens="words")


def test_arrays_of_sequences():
    x = np.arange(24.0).reshape(4, 3, 2)
    data = sequence_dataset(x, [0, 1, 0, 1], lengths=[3, 1, 2, 3], names=("u", "v"))
    assert block(data.features)[1].tolist() == [[6, 7], [0, 0], [0, 0]]
    alike = sequence_dataset([x[0], x[1, :1], x[2, :2], x[3]], [0, 1, 0, 1], names=("u", "v"))
    assert alike.fingerprint == data.fingerprint
    other = sequence_dataset(x, [0, 1, 0, 1], lengths=[3, 1, 2, 2], names=("u", "v"))
    assert other.fingerprint != data.fingerprint
    taken = data.features.take(np.array([2, 1]))
    assert taken.lengths.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("x", "options", "match"),
    [
        ([[1.0], []], {}, "sequence 2 has no steps"),
        ([[1.0], ["a"]], {}, "sequence 2 .*expected numbers"),
        ([np.zeros((2, 1)), np.zeros((2, 3))], {}, r"sequence 2 has shape \(2, 3\)"),
        (np.zeros((2, 3, 1)), {"lengths": [3, 0]}, "sequence 2 has length 0"),
        (np.zeros((2, 3, 1)), {"lengths": [3, 4]}, "sequence 2 has length 4"),
        (np.full((2, 3, 1), np.inf), {}, "sequence 1, step 1, feature 'value' is infinite"),
        (np.zeros((2, 0, 1)), {}, "at least one of each"),
    ],
)
def test_bad_arrays_of_sequences(x, options, match):
    with pytest.raises(DataError, match=match):
        sequence_dataset(x, [0, 1], **options)


def test_scaling_uses_real_steps_of_training_rows_only():
    x = [[[1.0], [3.0]], [[5.0]], [[100.0], [200.0], [300.0]]]
    features = sequence_features(x)
    fitted = SequencePreprocessor.fit(features, np.array([0, 1]))
    z = fitted.transform(features)
    real = np.array([1.0, 3.0, 5.0])
    np.testing.assert_allclose(
        [z[0, 0, 0], z[0, 1, 0], z[1, 0, 0]], (real - 3) / real.std(), rtol=1e-6
    )
    assert (z[0, 2], z[1, 1], z[1, 2]) == (0, 0, 0)
    assert fitted.lengths(features).tolist() == [2, 1, 3]
    assert fitted.input_shape == (3, 1)


@pytest.mark.parametrize(("policy", "filled"), [("last", [5, 1, 1, 9]), ("mean", [5, 1, 5, 9])])
def test_gaps_are_filled_as_stated(policy, filled):
    features = sequence_features([[np.nan, 1.0, np.nan, 9.0]])
    fitted = SequencePreprocessor.fit(features, scaling="none", missing=policy)
    assert fitted.feature_names == ("value", "value is missing")
    assert fitted.transform(features)[0].T.tolist() == [filled, [1, 0, 1, 0]]
    assert any("missing value becomes" in note for note in fitted.notes)


def test_new_sequences_are_padded_or_cut_to_the_steps_of_the_training():
    fitted = SequencePreprocessor.fit(sequence_features([[1.0, 2.0, 3.0]]), scaling="none")
    short, long = sequence_features([[4.0], [5.0]]), sequence_features([[1.0, 2.0, 3.0, 4.0]])
    assert fitted.transform(short)[:, :, 0].tolist() == [[4, 0, 0], [5, 0, 0]]
    assert fitted.lengths(short).tolist() == [1, 1]
    assert fitted.transform(long)[:, :, 0].tolist() == [[1, 2, 3]]
    assert fitted.lengths(long) is None
    cut = SequencePreprocessor.fit(long, scaling="none", max_length=2)
    assert cut.input_shape == (2, 1)
    assert any("1 sequences are longer than 2 steps" in note for note in cut.notes)


values = st.integers(-(10**6), 10**6).map(lambda i: i / 16) | st.just(np.nan)


@given(array_of(np.float64, (4, 5, 2), elements=values), st.integers(0, 10**6))
def test_transform_depends_on_nothing_behind_the_end_and_survives_json(x, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, 4).astype(np.int32)
    features = sequence_features(x, lengths=lengths)
    fitted = fit_preprocessor(features, np.array([0, 2]))
    z = fitted.transform(features)
    assert np.isfinite(z).all()
    behind = np.arange(5) >= lengths[:, None]
    assert (z[behind] == 0).all()
    x[behind] = 17.0
    again = preprocessor_from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(again.transform(sequence_features(x, lengths=lengths)), z)
    # Row by row is all at once: no row sees another.
    alone = [fitted.transform(features.take(np.array([i])))[0] for i in range(4)]
    np.testing.assert_array_equal(np.stack(alone), z)


@given(array_of(np.float32, (2, 6, 1), elements=st.just(np.nan) | st.just(1.0) | st.just(2.0)))
def test_carry_forward_takes_nothing_from_the_future(x):
    whole = carry_forward(x)
    for n in range(1, 7):
        np.testing.assert_array_equal(carry_forward(x[:, :n]), whole[:, :n])


def test_damaged_preprocessors_are_refused():
    content = SequencePreprocessor.fit(sequence_features([[1.0, 2.0]])).to_dict()
    for broken in ({**content, "n_steps": "3"}, {k: v for k, v in content.items() if k != "step"}):
        with pytest.raises(DataError, match="Save the model again"):
            preprocessor_from_dict(broken)
