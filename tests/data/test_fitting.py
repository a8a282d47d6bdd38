"""One call fits the preprocessor that goes with the rows, and another restores it."""

import json

import numpy as np
import pytest

from gradlab.data import Preprocessor, features_like, load_dataset
from gradlab.data.fitting import fit_preprocessor, preprocessor_from_dict
from gradlab.data.images.preprocessor import ImagePreprocessor
from gradlab.data.sequences import SequencePreprocessor, sequence_features
from gradlab.data.text import TextPreprocessor, text_features
from gradlab.errors import DataError

PICTURES = np.arange(2 * 5 * 4 * 3, dtype=np.uint8).reshape(2, 5, 4, 3)


@pytest.mark.parametrize(
    ("features", "kind", "shape"),
    [
        (load_dataset("iris").features, Preprocessor, (4,)),
        (load_dataset((PICTURES, [0, 1])).features, ImagePreprocessor, (5, 4, 3)),
        (sequence_features([[1.0, 2.0], [3.0]]), SequencePreprocessor, (2, 1)),
        (text_features(["to be", "or not to be"]), TextPreprocessor, (4,)),
    ],
)
def test_each_kind_of_row_gets_its_preprocessor(features, kind, shape):
    fitted = fit_preprocessor(features)
    assert isinstance(fitted, kind)
    x = fitted.transform(features)
    assert x.shape[1:] == fitted.input_shape == shape
    again = preprocessor_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert isinstance(again, kind)
    np.testing.assert_array_equal(again.transform(features), x)
    lengths = fitted.lengths(features)
    assert lengths is None or lengths.max() <= shape[0]


def test_arrays_are_taken_for_images_of_the_shape_trained_on():
    fitted = fit_preprocessor(load_dataset((PICTURES, [0, 1])).features)
    flat = features_like(PICTURES.reshape(2, -1), fitted)
    np.testing.assert_array_equal(fitted.transform(flat), PICTURES)
    with pytest.raises(DataError, match=r"rows of 4 x 4 x 3; .* images of 5 x 4 x 3"):
        features_like(PICTURES[:, :4], fitted)


def test_what_is_no_sequence_or_text_is_refused():
    table = load_dataset("iris").features
    with pytest.raises(DataError, match="Expected sequences; came a table"):
        SequencePreprocessor.fit(table)
    with pytest.raises(DataError, match="Expected texts; came a table"):
        TextPreprocessor.fit(table)
