"""The preprocessor learns from training rows only and keeps its digits."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data import FeatureTable, Nominal, Preprocessor
from gradlab.errors import DataError

nan = np.nan


def table():
    return FeatureTable(
        ("age", "sex", "income"),
        np.array([[1.0, 10.0], [3.0, nan], [100.0, 30.0], [5.0, nan]]),
        {"sex": Nominal(np.array([0, -1, 2, 1], np.int32), ("female", "male", "other"))},
    )


def only(values, dtype=np.float64):
    return FeatureTable(("a",), np.array(values, dtype)[:, None])


def test_columns_and_values():
    fitted = Preprocessor.fit(table(), np.array([0, 1, 3]))
    assert fitted.feature_names == (
        "age",
        "income",
        "income is missing",
        "sex = female",
        "sex = male",
        "sex is missing",
    )
    z = fitted.transform(table())
    assert z.dtype == np.float32
    deviation = np.sqrt(8 / 3)
    assert z[:, 0] == pytest.approx(np.array([-2, 0, 97, 2]) / deviation, rel=1e-6)
    assert z[:, 1].tolist() == [0, 0, 0, 0]  # constant in the training rows
    assert z[:, 2].tolist() == [0, 1, 0, 1]
    assert z[:, 3:].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_rows_outside_the_training_part_do_not_matter():
    first, second = table(), table()
    second.numeric[2] = 1e6
    rows = np.array([0, 1, 3])
    a, b = Preprocessor.fit(first, rows), Preprocessor.fit(second, rows)
    assert a.to_dict() == b.to_dict()


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_transform_is_where_of_the_raw_numbers(scaling):
    fitted = Preprocessor.fit(table(), scaling=scaling)
    raw = fitted.encode(table())
    z = (raw - fitted.shift) * fitted.scale
    expected = np.where(np.isnan(z), fitted.fill, z)
    assert np.array_equal(fitted.transform(table()), expected)
    assert np.isnan(raw).sum() == 2


@pytest.mark.parametrize(("scaling", "fill"), [("standard", 0.0), ("minmax", 0.25), ("none", 2.0)])
def test_missing_numbers_become_the_training_mean(scaling, fill):
    z = Preprocessor.fit(only([1, 1, 1, 5, nan]), scaling=scaling).transform(only([nan]))
    assert z[0, 0] == pytest.approx(fill, abs=1e-7)
    assert z[0, 1] == 1


@given(
    st.lists(st.integers(-50, 50), min_size=3, max_size=20).filter(lambda v: len(set(v)) > 1),
    st.sampled_from([0.0, 1e8, -1e12]),
    st.sampled_from([1.0, 1e30, 1e-30, 1e300, 1e-300, 1e-320]),
)
def test_offset_and_unit_do_not_show(values, offset, unit):
    offset = 0.0 if unit != 1 else offset
    whole = np.array(values, float)
    expected = (whole - whole.mean()) / whole.std()
    z = Preprocessor.fit(only(whole * unit + offset)).transform(only(whole * unit + offset))
    # 1e-320 is subnormal: it holds three digits.
    tolerance = 2e-2 if unit == 1e-320 else 2e-4
    assert z[:, 0] == pytest.approx(expected, abs=tolerance)


@given(st.sampled_from([-1e308, 1.5, 1e16]), st.sampled_from([1e308, -2.0, 3e16]))
def test_minmax_of_two_numbers_is_zero_and_one(low, high):
    z = Preprocessor.fit(only([low, high]), scaling="minmax").transform(only([low, high]))
    assert sorted(z[:, 0].tolist()) == pytest.approx([0, 1], abs=1e-6)


@pytest.mark.parametrize("value", [0.1, 1e30, -1e-30, 123456789.123])
def test_a_constant_column_becomes_zero(value):
    fitted = Preprocessor.fit(only([value] * 3))
    assert fitted.transform(only([value, value + 1, -value])).tolist() == [[0], [0], [0]]


def test_no_scaling_keeps_numbers_and_refuses_those_beyond_float32():
    values = [1.5, -2.0, 1e9]
    fitted = Preprocessor.fit(only(values), scaling="none")
    assert fitted.transform(only(values))[:, 0].tolist() == values
    with pytest.raises(DataError, match="beyond float32"):
        Preprocessor.fit(only([1.0, 1e39]), scaling="none")


def test_new_numbers_beyond_float32_are_refused():
    fitted = Preprocessor.fit(only([1.0, 2.0]))
    with pytest.raises(DataError, match=r"Column 'a', row 2"):
        fitted.transform(only([1.0, 1e300]))


def test_a_column_without_a_training_value_becomes_zero():
    z = Preprocessor.fit(only([nan, nan, 7.0]), np.array([0, 1])).transform(only([nan, 7.0]))
    assert z.tolist() == [[0, 1], [0, 0]]


def test_images_of_bytes_are_scaled_as_their_floats(rng):
    x = rng.integers(0, 255, (50, 6)).astype(np.uint8)
    names = tuple("abcdef")
    small = Preprocessor.fit(FeatureTable(names, x)).transform(FeatureTable(names, x))
    wide = FeatureTable(names, x.astype(np.float64))
    assert np.array_equal(small, Preprocessor.fit(wide).transform(wide))
    assert Preprocessor.fit(FeatureTable(names, x)).encode(FeatureTable(names, x)).max() > 1


def test_json_restores_every_bit():
    fitted = Preprocessor.fit(table(), scaling="minmax")
    again = Preprocessor.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again.to_dict() == fitted.to_dict()
    assert np.array_equal(again.transform(table()), fitted.transform(table()))


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("shift"),
        lambda d: d.update(shift=[1.0]),
        lambda d: d.update(surprise=1),
        lambda d: d.update(scaling="log"),
        lambda d: d.update(fill="x"),
        lambda d: d.update(categories=[1]),
    ],
)
def test_a_damaged_file_is_refused(damage):
    content = Preprocessor.fit(table()).to_dict()
    damage(content)
    with pytest.raises(DataError, match="Save the model again"):
        Preprocessor.from_dict(content)


def test_wrong_arguments():
    with pytest.raises(DataError, match="Did you mean 'standard'"):
        Preprocessor.fit(table(), scaling="standart")
    with pytest.raises(DataError, match="at least one training row"):
        Preprocessor.fit(table(), np.array([], int))
    fitted = Preprocessor.fit(table())
    with pytest.raises(DataError, match="Column 'age'"):
        fitted.encode(only([1.0]))
    swapped = FeatureTable(("age", "sex", "income"), np.ones((1, 3)))
    with pytest.raises(DataError, match="'sex' must hold names"):
        fitted.encode(swapped)
    with pytest.raises(DataError, match="needs about"):
        fitted.encode(table(), max_bytes=10)
