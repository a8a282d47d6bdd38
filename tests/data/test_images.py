"""Pictures in files: what they become, which part and class they are of, and what is said."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from gradlab.data import FeatureTable, features_like, load_dataset
from gradlab.data.fitting import fit_preprocessor, preprocessor_from_dict
from gradlab.data.images import images_like, list_images, unlabelled_images
from gradlab.data.images.decoding import MAX_PIXELS, decode, read_header
from gradlab.errors import DataError

ALPHABET = "abcdefgh"


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("gradlab.process.cache_folder", lambda: folder)
    return folder


def pixels(height, width, channels=3, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = array if isinstance(array, Image.Image) else Image.fromarray(array)
    picture.save(path, **options)
    return path


def two_classes(root, n=3, size=(6, 5), channels=3, ending="png", classes=("cat", "dog")):
    """Write n pictures a class; return them in the order of the rows."""
    made = []
    for i, name in enumerate(classes):
        for j in range(n):
            array = pixels(*size, channels, seed=100 * i + j)
            save(root / name / f"{j}.{ending}", array)
            made.append(array)
    return np.stack(made)


def rows_of(dataset):
    return dataset.features.numeric.reshape(-1, *dataset.features.row_shape)


# Folders


def test_class_folders_keep_every_pixel(tmp_path):
    made = two_classes(tmp_path / "pets")
    dataset = load_dataset(tmp_path / "pets")
    assert dataset.name == "pets"
    assert dataset.classes == ("cat", "dog")
    assert dataset.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.features.row_shape == (6, 5, 3)
    assert dataset.features.numeric.dtype == np.uint8
    np.testing.assert_array_equal(rows_of(dataset), made)
    assert dataset.test_rows is None
    assert dataset.target_name == "class"
    assert "become 6 x 5 pixels, RGB (the commonest size" in dataset.notes[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "tif", "tiff", "pgm", "PNG", "webp"])
def test_formats_without_loss(tmp_path, ending):
    array = pixels(6, 5, 1)
    options = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"x.{ending}", array, **options)
    found, special = decode(str(path), (6, 5, 1))
    np.testing.assert_array_equal(found[..., 0], array)
    assert special == ()


def test_a_jpeg_is_near_its_source(tmp_path):
    smooth = np.linspace(0, 255, 48).astype(np.uint8).reshape(1, 48, 1).repeat(40, 0).repeat(3, 2)
    path = save(tmp_path / "x.jpeg", smooth, quality=95)
    found, _ = decode(str(path), (40, 48, 3))
    assert np.abs(found.astype(int) - smooth).max() <= 4


def test_grey_stays_one_channel_only_if_all_are(tmp_path):
    two_classes(tmp_path / "grey", channels=1)
    assert load_dataset(tmp_path / "grey").features.row_shape == (6, 5, 1)
    colour = pixels(6, 5, 3)
    save(tmp_path / "grey" / "cat" / "z.png", colour)
    dataset = load_dataset(tmp_path / "grey")
    assert dataset.features.row_shape == (6, 5, 3)
    rows = rows_of(dataset)
    np.testing.assert_array_equal(rows[3], colour)
    assert (rows[0] == rows[0, :, :, :1]).all()
    assert any("6 pictures in grey became RGB" in note for note in dataset.notes)


def test_train_and_test_folders_make_a_given_test_part(tmp_path):
    two_classes(tmp_path / "train", n=3)
    two_classes(tmp_path / "test", n=2)
    dataset = load_dataset(tmp_path)
    assert dataset.test_rows.tolist() == [6, 7, 8, 9]
    assert dataset.y.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1]


def test_the_test_part_has_no_say_in_the_shape(tmp_path):
    two_classes(tmp_path / "train", n=2, size=(6, 5), channels=1)
    two_classes(tmp_path / "test", n=9, size=(8, 8), channels=3)
    assert load_dataset(tmp_path).features.row_shape == (6, 5, 1)


def test_validation_folder_is_test_only_where_there_is_none(tmp_path):
    two_classes(tmp_path / "Train", n=3)
    two_classes(tmp_path / "val", n=2)
    dataset = load_dataset(tmp_path)
    assert len(dataset.test_rows) == 4
    assert "Without a folder test/, val/ is the test part." in dataset.notes
    two_classes(tmp_path / "test", n=1)
    dataset = load_dataset(tmp_path)
    assert dataset.test_rows.tolist() == [10, 11]
    assert any("val/ join the training part" in note for note in dataset.notes)


def test_train_may_be_a_class(tmp_path):
    two_classes(tmp_path, classes=("bus", "train"))
    assert load_dataset(tmp_path).classes == ("bus", "train")


def test_a_test_source_of_its_own(tmp_path):
    two_classes(tmp_path / "a", n=3)
    two_classes(tmp_path / "b", n=2, size=(12, 10))
    dataset = load_dataset(tmp_path / "a", test=tmp_path / "b")
    assert dataset.test_rows.tolist() == [6, 7, 8, 9]
    assert dataset.features.row_shape == (6, 5, 3)


def test_numbered_classes_are_numbers_in_order(tmp_path):
    for label in (0, 2, 10):
        for j in range(3):
            save(tmp_path / str(label) / f"{j}.png", pixels(4, 4, 1, seed=label + j))
    dataset = load_dataset(tmp_path)
    assert dataset.classes == (0, 2, 10)
    by_row = [dataset.classes[i] for i in dataset.y]
    assert by_row == [0] * 3 + [10] * 3 + [2] * 3  # rows come in the order of names


def test_numbers_with_leading_zeros_stay_names(tmp_path):
    two_classes(tmp_path, classes=("01", "02"))
    assert load_dataset(tmp_path).classes == ("01", "02")


def test_pictures_deeper_in_a_class_folder_count(tmp_path):
    two_classes(tmp_path)
    save(tmp_path / "dog" / "small" / "brown" / "x.png", pixels(6, 5))
    assert load_dataset(tmp_path).y.tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_what_is_left_out_is_said_or_hidden(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox" / "deeper").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "dog" / "model.svg").write_text("x")
    save(tmp_path / "preview.png", pixels(6, 5))
    for hidden in ("cat/Thumbs.db", "cat/.DS_Store", "cat/._0.png", "desktop.ini"):
        (tmp_path / hidden).write_bytes(b"x")
    save(tmp_path / ".trash" / "x.png", pixels(6, 5))
    save(tmp_path / "__MACOSX" / "x.png", pixels(6, 5))
    dataset = load_dataset(tmp_path)
    assert dataset.n_rows == 6
    said = " ".join(dataset.notes)
    assert "2 files left out that are no pictures by their names: cat/notes.txt" in said
    assert "dog/model.svg" in said
    assert "Folder fox/ holds no pictures: it is no class." in said
    assert "deeper" not in said
    assert "1 picture left out that lie beside the class folders: preview.png." in said
    assert not any(name in said for name in ("Thumbs", "DS_Store", "MACOSX", "trash", "._0"))


def test_links_inside_the_folder_are_followed(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "dog" / "z.png").symlink_to(tmp_path / "dog" / "0.png")
    dataset = load_dataset(tmp_path)
    rows = rows_of(dataset)
    np.testing.assert_array_equal(rows[-1], rows[3])


# Sizes


def test_the_commonest_size_wins_and_others_are_told(tmp_path):
    two_classes(tmp_path, n=3, size=(6, 5))
    save(tmp_path / "cat" / "big.png", pixels(60, 80))
    save(tmp_path / "cat" / "dot.png", pixels(1, 1))
    dataset = load_dataset(tmp_path)
    assert dataset.features.row_shape == (6, 5, 3)
    said = " ".join(dataset.notes)
    assert "2 of them have another size (from 1 x 1 to 60 x 80)" in said
    assert "1 picture smaller than that, enlarged: cat/dot.png." in said


@pytest.mark.parametrize(
    ("given", "shape"),
    [("8x4", (8, 4)), ("8 × 4", (8, 4)), ("7", (7, 7)), (9, (9, 9)), ((3, 2), (3, 2))],
)
def test_an_asked_for_size(tmp_path, given, shape):
    two_classes(tmp_path)
    assert load_dataset(tmp_path, image_size=given).features.row_shape == (*shape, 3)


def test_the_short_side_is_scaled_and_the_long_one_cropped_to_its_middle(tmp_path):
    stripes = np.repeat(np.array([10, 60, 110, 160, 210, 250], np.uint8), 4)
    array = np.broadcast_to(stripes, (8, 24)).copy()
    found, _ = decode(str(save(tmp_path / "x.png", array)), (4, 4, 1))
    # Of 24 columns the middle 8 are left, two stripes of 4 columns; each becomes 2.
    assert np.abs(found[..., 0].astype(int) - [110, 110, 160, 160]).max() <= 7
    flipped, _ = decode(str(save(tmp_path / "y.png", array.T)), (4, 4, 1))
    np.testing.assert_array_equal(flipped[..., 0], found[..., 0].T)


def test_enlarging_one_pixel_gives_its_colour(tmp_path):
    array = np.full((1, 1, 3), (10, 200, 30), np.uint8)
    found, _ = decode(str(save(tmp_path / "x.png", array)), (3, 5, 3))
    assert (found == array).all()


def test_a_long_strip_is_no_bomb_of_our_making(tmp_path):
    path = save(tmp_path / "x.png", Image.new("L", (60_000, 1), 7))
    found, _ = decode(str(path), (64, 64, 1))  # scaled first: 64 x 3,840,000
    assert (found == 7).all()


def test_a_large_jpeg_shrinks_to_its_mean_colours(tmp_path):
    left_right = np.zeros((800, 1200, 3), np.uint8)
    left_right[:, :600, 0], left_right[:, 600:, 2] = 200, 100
    found, _ = decode(str(save(tmp_path / "x.jpg", left_right, quality=95)), (8, 12, 3))
    assert np.abs(found[:, :5].astype(int) - (200, 0, 0)).max() <= 3
    assert np.abs(found[:, 7:].astype(int) - (0, 0, 100)).max() <= 3


# Kinds of pictures


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_exif_orientation_is_applied(tmp_path, orientation, ending):
    # Each orientation says where the stored picture's first row and column belong.
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255  # bright at the top left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"x.{ending}", np.ascontiguousarray(stored), exif=exif, **options)
    header = read_header(str(path))
    assert (header.height, header.width) == (16, 32)
    found, _ = decode(str(path), (16, 32, 1))
    assert np.abs(found[..., 0].astype(int) - upright).max() <= 8


def test_transparency_is_composed_on_white(tmp_path):
    array = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [200, 0, 0, 128]]], np.uint8)
    found, special = decode(str(save(tmp_path / "x.png", array)), (1, 3, 3))
    assert found[0, 0].tolist() == [200, 0, 0]
    assert found[0, 1].tolist() == [255, 255, 255]
    assert np.abs(found[0, 2].astype(int) - (227, 127, 127)).max() <= 1
    assert len(special) == 1


def test_grey_with_transparency_stays_grey(tmp_path):
    array = np.array([[[100, 255], [100, 0]]], np.uint8)
    path = save(tmp_path / "x.png", _la(array))
    assert read_header(str(path)).is_grey
    assert decode(str(path), (1, 2, 1))[0].ravel().tolist() == [100, 255]


def _la(array):
    return Image.merge("LA", [Image.fromarray(array[..., i].copy()) for i in range(2)])


def test_transparent_colours_of_a_palette(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    picture.putpalette([10, 20, 30, 200, 100, 50])
    path = save(tmp_path / "x.png", picture, transparency=1)
    found, _ = decode(str(path), (1, 2, 3))
    assert found[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_a_palette_of_greys_is_grey(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    picture.putpalette([10, 10, 10, 200, 200, 200])
    path = save(tmp_path / "x.png", picture)
    assert read_header(str(path)).is_grey
    assert decode(str(path), (1, 2, 1))[0].ravel().tolist() == [10, 200]
    picture.putpalette([10, 10, 10, 200, 200, 201])
    assert not read_header(str(save(tmp_path / "y.png", picture))).is_grey


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    array = np.array([[0, 255, 256, 65535]], np.uint16)
    for ending in ("png", "tif"):
        path = save(tmp_path / f"x.{ending}", array)
        assert read_header(str(path)).is_grey
        assert decode(str(path), (1, 4, 1))[0].ravel().tolist() == [0, 0, 1, 255]
    path = tmp_path / "x.pgm"
    path.write_bytes(b"P5 4 1 65535\n" + array.astype(">u2").tobytes())
    assert decode(str(path), (1, 4, 1))[0].ravel().tolist() == [0, 0, 1, 255]


def test_cmyk_becomes_rgb(tmp_path):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for ending in ("jpg", "tif"):
        path = save(tmp_path / f"x.{ending}", picture)
        found, special = decode(str(path), (16, 16, 3))
        assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 3
        assert len(special) == 1


def test_bilevel_becomes_black_and_white(tmp_path):
    picture = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    path = save(tmp_path / "x.png", picture)
    assert decode(str(path), (1, 2, 1))[0].ravel().tolist() == [0, 255]


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_the_first_frame_of_an_animation(tmp_path, ending):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if ending == "webp" else {}
    root = tmp_path / "set"
    two_classes(root, size=(4, 4))
    frames[0].save(
        (root / "cat" / f"z.{ending}"), save_all=True, append_images=frames[1:], **options
    )
    dataset = load_dataset(root)
    assert (rows_of(dataset)[3] == (255, 0, 0)).all()
    said = f"1 picture hold several frames: the first was taken: cat/z.{ending}."
    assert said in dataset.notes


def test_content_decides_not_the_ending(tmp_path):
    buffer = io.BytesIO()
    array = pixels(5, 4)
    Image.fromarray(array).save(buffer, "PNG")
    (tmp_path / "x.jpg").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(decode(str(tmp_path / "x.jpg"), (5, 4, 3))[0], array)


def test_names_of_any_alphabet(tmp_path):
    two_classes(tmp_path, classes=("котка", "犬 犬"))
    assert load_dataset(tmp_path).classes == ("котка", "犬 犬")


# Lists


def write_list(tmp_path, text, name="list.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def pictures(tmp_path, n=6):
    made = [pixels(4, 4, seed=i) for i in range(n)]
    for letter, array in zip(ALPHABET, made, strict=False):
        save(tmp_path / "data" / f"{letter}.png", array)
    return np.stack(made)


def test_a_list_of_paths_and_classes(tmp_path):
    made = pictures(tmp_path)
    rows = "".join(
        f"data/{letter}.png,{label}\n" for letter, label in zip("fbdace", "uvuvuv", strict=True)
    )
    dataset = load_dataset(write_list(tmp_path, "path,kind\n" + rows))
    assert dataset.target_name == "kind"
    assert dataset.classes == ("u", "v")
    assert dataset.y.tolist() == [0, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(rows_of(dataset), made[[5, 1, 3, 0, 2, 4]])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_list_without_header_loses_no_row(tmp_path, separator):
    pictures(tmp_path, 4)
    text = "".join(
        f"data/{letter}.png{separator}{label}\n"
        for letter, label in zip("abcd", "uvuv", strict=True)
    )
    assert load_dataset(write_list(tmp_path, text)).n_rows == 4


def test_a_list_of_numbers_is_a_regression_with_groups_and_time(tmp_path):
    pictures(tmp_path)
    text = "age,who,when,file\n" + "".join(
        f"{1.5 * i},p{i // 2},2024-01-0{6 - i},data\\{letter}.png\n"
        for i, letter in enumerate("abcdef")
    )
    dataset = load_dataset(write_list(tmp_path, text), target="age", groups="who", time="when")
    assert dataset.task == "regression"
    assert dataset.y.tolist() == [0, 1.5, 3, 4.5, 6, 7.5]
    assert dataset.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert (np.diff(dataset.time) == -86400).all()


def test_groups_of_a_list_and_its_test_list_are_the_same(tmp_path):
    pictures(tmp_path)
    train = write_list(tmp_path, "f,who,y\ndata/a.png,p2,u\ndata/b.png,p2,v\ndata/c.png,p3,v\n")
    test = write_list(tmp_path, "f,who,y\ndata/d.png,p3,u\ndata/e.png,p1,v\n", "test.csv")
    dataset = load_dataset(train, test=test, groups="who")
    assert dataset.groups.tolist() == [1, 1, 2, 2, 0]
    assert dataset.test_rows.tolist() == [3, 4]


def test_rows_without_target_and_unused_columns_are_said(tmp_path):
    made = pictures(tmp_path)
    rows = ["f,camera,y", "data/a.png,1,u", "data/b.png,2,", "data/c.png,3,v", "data/a.png,3,v"]
    text = "\n".join([*rows, "data/d.png,3,u"])
    dataset = load_dataset(write_list(tmp_path, text))
    np.testing.assert_array_equal(rows_of(dataset), made[[0, 2, 0, 3]])
    said = " ".join(dataset.notes)
    assert "1 row has no value of target 'y': left out." in said
    assert "Target: the last column, 'y'" in said
    assert "1 column of the list is not used: camera." in said
    assert f"1 picture listed more than once ({os.path.join('data', 'a.png')})" in said


def test_a_table_that_names_pictures_which_are_not_there_is_a_table(tmp_path):
    text = "photo,a,y\n" + "".join(f"p{i % 2}.jpg,{i * i},{'uv'[i % 2]}\n" for i in range(30))
    dataset = load_dataset(write_list(tmp_path, text))
    assert dataset.features.row_shape is None
    assert dataset.features.names == ("photo", "a")


def test_a_list_whose_path_column_is_dropped_is_a_table(tmp_path):
    pictures(tmp_path)
    text = "photo,a,y\n" + "".join(
        f"data/{c}.png,{i * i},{'uv'[i % 2]}\n" for i, c in enumerate("abcdef")
    )
    path = write_list(tmp_path, text)
    assert load_dataset(path).features.row_shape == (4, 4, 3)
    assert load_dataset(path, drop="photo").features.names == ("a",)


def test_a_picture_among_many_files_of_another_kind_is_stray(tmp_path):
    for i in range(60):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.dat").write_bytes(b"x")
    save(tmp_path / "a" / "plot.png", pixels(4, 4))
    assert list_images(tmp_path) is None


# Prediction


def test_a_folder_or_one_picture_for_prediction(tmp_path):
    made = two_classes(tmp_path / "known")
    one = images_like(tmp_path / "known" / "dog" / "1.png", (6, 5, 3))
    np.testing.assert_array_equal(one.numeric.reshape(6, 5, 3), made[4])
    assert list_images(tmp_path / "known" / "dog") == ("0.png", "1.png", "2.png")
    flat = images_like(str(tmp_path / "known" / "dog"), (6, 5, 1))
    assert flat.row_shape == (6, 5, 1)
    np.testing.assert_array_equal(
        flat.numeric[0].reshape(6, 5), np.asarray(Image.fromarray(made[3]).convert("L"))
    )
    nested = images_like(tmp_path / "known", (6, 5, 3))
    np.testing.assert_array_equal(nested.numeric, made.reshape(6, -1))
    assert list_images(tmp_path / "known")[3] == "dog/0.png"


def test_a_list_for_prediction_needs_no_target(tmp_path):
    made = pictures(tmp_path)
    path = write_list(tmp_path, "data/b.png\ndata/a.png\n", "new.txt")
    assert [name.replace(os.sep, "/") for name in list_images(path)] == ["data/b.png", "data/a.png"]
    np.testing.assert_array_equal(images_like(path, (4, 4, 3)).numeric, made[[1, 0]].reshape(2, -1))


def test_new_pictures_become_what_the_training_pictures_became(tmp_path):
    two_classes(tmp_path, size=(20, 31))
    dataset = load_dataset(tmp_path, image_size="9x7")
    again = images_like(tmp_path, dataset.features.row_shape)
    np.testing.assert_array_equal(again.numeric, dataset.features.numeric)
    assert again.names == dataset.features.names


def test_features_like_a_fitted_preprocessor(tmp_path):
    two_classes(tmp_path, size=(20, 31))
    dataset = load_dataset(tmp_path, image_size="9x7")
    fitted = fit_preprocessor(dataset.features)
    restored = preprocessor_from_dict(fitted.to_dict())
    one = features_like(tmp_path / "dog" / "0.png", restored)
    assert one.row_shape == (9, 7, 3)
    np.testing.assert_array_equal(restored.transform(one)[0], fitted.transform(dataset.features)[3])
    table = fit_preprocessor(FeatureTable(("a",), np.array([[1.0], [3.0]])))
    with pytest.raises(DataError, match="trained on something else"):
        features_like(tmp_path, table)


def test_prediction_leaves_nothing_in_the_cache(tmp_path, cache_folder):
    two_classes(tmp_path)
    images_like(tmp_path, (6, 5, 3))
    assert not list(cache_folder.rglob("*.pixels"))


def test_what_is_no_picture_is_left_to_others(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    for source in (tmp_path, tmp_path / "t.csv", "digits", np.ones((2, 2)), None, tmp_path / "no"):
        assert images_like(source, (4, 4, 1)) is None
        assert list_images(source) is None
        assert unlabelled_images(source) is None


def test_pictures_without_classes_for_autoencoders(tmp_path):
    made = two_classes(tmp_path)
    features, notes = unlabelled_images(tmp_path / "cat")
    np.testing.assert_array_equal(features.numeric, made[:3].reshape(3, -1))
    assert "become 6 x 5 pixels" in notes[0]
    assert unlabelled_images(tmp_path / "cat", image_size=3)[0].row_shape == (3, 3, 3)


def test_the_limit_lets_through_a_large_camera():
    assert 9504 * 6336 < MAX_PIXELS < 20_000 * 20_000
