"""Texts: reading them, cutting them into tokens, and the vocabulary of the training part."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data import features_like, load_dataset, split_rows
from gradlab.data.fitting import fit_preprocessor, preprocessor_from_dict
from gradlab.data.plain_text import decode_text
from gradlab.data.text.arrays import text_dataset, text_features
from gradlab.data.text.preprocessor import TextPreprocessor
from gradlab.data.text.tokens import join_tokens, spans, tokenize
from gradlab.data.text.vocabulary import PADDING, UNKNOWN, Vocabulary
from gradlab.errors import DataError

SMS = 'label\tsms\tcity\nham\tSee you "soon\tRome\nspam\tWIN now, call!\tOslo\nham\t?\tRome\n'
KINDS = st.sampled_from(["words", "characters"])


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.tsv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refused(source, match, **options):
    with pytest.raises(DataError, match=match):
        load_dataset(source, **options)


def test_a_column_of_texts(write):
    data = load_dataset(write(SMS), text="sms", target="label")
    assert data.features.kind == "text"
    assert data.features.texts == ('See you "soon', "WIN now, call!", "?")  # "?" is a text
    assert [data.classes[code] for code in data.y] == ["ham", "spam", "ham"]
    assert any("'city' left out" in note for note in data.notes)
    assert "texts of 1 to 14 characters" in data.describe()[0]


def test_blank_texts_are_left_out_and_said(write):
    data = load_dataset(write(SMS + "ham\t \tRome\n"), text="sms", target="label")
    assert data.n_rows == 3
    assert any("1 row has no text" in note for note in data.notes)


def test_the_target_is_the_last_other_column_and_roles_are_resolved(write):
    path = write("".join(f"day {i} is fine and long\t{i}\t{'uv'[i % 2]}\n" for i in range(20)))
    data = load_dataset(path, text=0, time=1)
    assert data.target_name == "column_3"
    assert split_rows(data).test.tolist() == [16, 17, 18, 19]
    refused(path, "text and target at once", text=0, target=0)
    refused(path, "no column 'sms'", text="sms")


def test_a_folder_of_classes(write):
    for part in ("train", "test"):
        for category, text in (("neg", "bad\r\nfilm"), ("pos", "good film")):
            write(text, f"films/{part}/{category}/1.txt")
            write(text + part, f"films/{part}/{category}/2.txt")
    root = write(" \n", "films/train/pos/blank.txt").parents[2]
    data = load_dataset(root)
    assert data.classes == ("neg", "pos")
    assert data.test_rows.tolist() == [4, 5, 6, 7]
    assert data.features.texts[0] == "bad\nfilm"
    assert any("1 blank file is left out" in note for note in data.notes)
    assert load_dataset(root / "train").n_rows == 4
    assert load_dataset(root / "train", test=root / "test").fingerprint == data.fingerprint


def test_a_class_folder_without_text_and_a_link_out_of_the_folder(write, tmp_path):
    root = write("good", "films/pos/1.txt").parents[1]
    write("bad", "films/neg/1.txt")
    (root / "empty").mkdir()
    data = load_dataset(root)
    assert data.classes == ("neg", "pos")
    assert any("'empty' holds no text" in note for note in data.notes)
    (root / "neg" / "x.txt").symlink_to(write("secret", "elsewhere.txt"))
    refused(root, r"x\.txt is a link out of")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"one\ntwo\xe9\n", "line 2: byte 0xE9 is not UTF-8.*iconv"),
        ("hé".encode("utf-16"), "is UTF-16"),
        (b"one\ntwo\0\n", "line 2: a zero byte"),
        (b"\n \n", "only blank lines"),
    ],
)
def test_text_in_another_encoding_is_refused_with_file_and_line(write, content, match):
    with pytest.raises(DataError, match=rf"t\.txt.*{match}"):
        decode_text(content, "t.txt")
    refused(write(content, "t.txt"), match, window=2)
    write("fine", "films/pos/1.txt")
    if content.strip():
        path = write(content, "films/neg/1.txt")
        refused(path.parents[1], rf"neg.*{match}")


def test_empty_and_byte_order_mark(write):
    refused(write("", "t.txt"), "is empty", window=2)
    assert decode_text(b"\xef\xbb\xbfa", "t.txt") == "a"


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), KINDS)
def test_tokens_are_where_spans_say_and_cutting_there_changes_none(texts, kind):
    for text in texts:
        places, parts = spans(text, kind), tokenize(text, kind)
        assert len(places) == len(parts)
        for i in range(0, len(parts), 3):
            j = min(i + 2, len(parts))
            assert tokenize(text[places[i][0] : places[j - 1][1]], kind) == parts[i:j]


@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6), st.integers(3, 12), KINDS
)
def test_transform_is_the_text_up_to_what_the_training_rows_knew(texts, size, kind):
    features = text_features(texts)
    train = np.array([0, 1])
    try:
        fitted = TextPreprocessor.fit(features, train, tokens=kind, max_vocabulary=size)
    except DataError:
        assert not any(tokenize(texts[row], kind) for row in train)
        return
    assert fitted.n_symbols <= size
    seen = {part for row in train for part in tokenize(texts[row], kind)}
    assert set(fitted.symbols[2:]) <= seen
    x, lengths = fitted.transform(features), fitted.lengths(features)
    assert x.shape == (len(texts), *fitted.input_shape)
    for row, length, text in zip(x, lengths, texts, strict=True):
        parts = tokenize(text, kind)[: fitted.max_length]
        assert length == max(len(parts), 1)
        assert (row[length:] == PADDING).all()
        known = [part if part in fitted.symbols[2:] else "�" for part in parts]
        assert fitted.decode(row[:length]) == (join_tokens(known, kind) if parts else "�")
    again = preprocessor_from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(again.transform(features), x)


def test_the_vocabulary_knows_nothing_of_other_rows():
    features = text_features(["to be", "or not", "unseen words"])
    fitted = fit_preprocessor(features, np.array([0, 1]))
    assert set(fitted.symbols[2:]) == {"to", "be", "or", "not"}
    assert fitted.transform(features)[2].tolist() == [UNKNOWN, UNKNOWN]
    assert fitted.unknown_share(features, np.array([2])) == 1.0
    assert fitted.unknown_share(features, np.array([0])) == 0.0


def test_the_commonest_symbols_are_kept():
    vocabulary = Vocabulary.of([list("aaabbc"), list("cc")], size=4)
    assert vocabulary.symbols[2:] == ("a", "c")
    with pytest.raises(DataError, match="Give at least 3"):
        Vocabulary.of([["a"]], size=2)


def test_lengths_are_capped_at_the_95th_percentile_and_said():
    texts = ["a " * (i + 1) for i in range(100)]
    fitted = TextPreprocessor.fit(text_features(texts))
    assert fitted.max_length == 96
    assert any("95th percentile" in note and "4 training texts" in note for note in fitted.notes)
    assert TextPreprocessor.fit(text_features(texts), max_length=7).max_length == 7


def test_a_blank_text_is_one_unknown_token():
    fitted = TextPreprocessor.fit(text_features(["a b", "c"]))
    new = features_like(["", "b a"], fitted)
    assert fitted.lengths(new).tolist() == [1, 2]
    assert fitted.transform(new)[0, 0] == UNKNOWN


def test_new_texts_of_a_table(write):
    data = load_dataset(write(SMS), text="sms", target="label")
    fitted = fit_preprocessor(data.features)
    new = features_like(write("sms\tdate\nwin you\t3\n\t4\n", "new.tsv"), fitted, text="sms")
    assert new.texts == ("win you", "")
    with pytest.raises(DataError, match="with text="):
        features_like(write(SMS), fitted)


def test_texts_in_memory():
    data = text_dataset(["good", "bad", "fine", "poor"], [1, 0, 1, 0], tokens="characters")
    assert fit_preprocessor(data.features).tokens == "characters"
    assert data.features.take(np.array([2])).texts == ("fine",)
    other = text_dataset(["good", "bad", "fine", "pooR"], [1, 0, 1, 0], tokens="characters")
    assert data.fingerprint != other.fingerprint
    with pytest.raises(DataError, match="Text 2 is 3, a int"):
        text_dataset(["a", 3], [0, 1])
    with pytest.raises(DataError, match="all of it is blank"):
        text_dataset([" ", ""], [0, 1])
    with pytest.raises(DataError, match="2 texts, but a target of shape"):
        text_dataset(["a", "b"], [0, 1, 0])
    with pytest.raises(DataError, match="Did you mean 'words'"):
        text_dataset(["a", "b"], [0, 1], tokens="word")


def test_options_that_contradict_each_other(write):
    path = write(SMS)
    refused(path, "Leave one out", text="sms", series="label")
    refused(path, "Leave one out", text="sms", window=3)
    refused(path, "is a table: window= alone", window=3)
    refused(path, "forecasts numbers", text="sms", horizon=3)


def test_damaged_preprocessors_are_refused():
    content = TextPreprocessor.fit(text_features(["a b"])).to_dict()
    for broken in ({**content, "symbols": ["a"]}, {**content, "tokens": "letters"}):
        with pytest.raises(DataError, match="Save the model again"):
            preprocessor_from_dict(broken)
