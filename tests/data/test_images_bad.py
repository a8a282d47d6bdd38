"""Damaged, malicious and misplaced pictures: refused with advice, or left out and said."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gradlab.data import load_dataset
from gradlab.data.images import images_like
from gradlab.errors import DataError


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("gradlab.process.cache_folder", lambda: folder)
    return folder


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def pets(tmp_path):
    """Return a folder of two classes with four pictures each."""
    root = tmp_path / "pets"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for j in range(4):
            Image.fromarray(noise(16, 16, seed=j)).save(root / name / f"{j}.png")
    return root


def refused(source, match, **options):
    with pytest.raises(DataError, match=match):
        load_dataset(source, **options)


def png_header(width, height):
    """Return a PNG of a few bytes that promises so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [20_000, 12_000, 65_000])
def test_a_bomb_is_refused_by_its_header(pets, side):
    (pets / "cat" / "bomb.png").write_bytes(png_header(side, side))
    refused(pets, r"cat/bomb.png: .*pixels, and more than 100,000,000 are refused")
    dataset = load_dataset(pets, unreadable="skip")
    assert dataset.n_rows == 8
    assert "1 picture left out that can't be read: cat/bomb.png." in dataset.notes


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_pictures(pets, ending, share):
    path = pets / "cat" / f"bad.{ending}"
    Image.fromarray(noise(40, 40)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(pets, rf"1 of 9 pictures can't be read \(cat/bad.{ending}: (cut short|not a picture)")
    assert load_dataset(pets, unreadable="skip").n_rows == 8


def test_damage_in_the_middle_of_a_png(pets):
    path = pets / "cat" / "0.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20] = bytes(20)
    path.write_bytes(content)
    refused(pets, "cat/0.png: cut short or damaged")


def test_all_bad_files_are_counted_and_the_first_named(pets):
    for i in range(7):
        (pets / "cat" / f"a{i}.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        load_dataset(pets)
    said = str(caught.value)
    assert "7 of 15 pictures can't be read" in said
    assert "cat/a0.jpg: not a picture" in said
    assert "cat/a4.jpg" in said
    assert "a5" not in said
    assert "and 2 more" in said
    assert "unreadable='skip'" in said


def test_skipping_leaves_labels_and_parts_in_step(tmp_path):
    for part in ("train", "test"):
        for label, value in (("u", 10), ("v", 200)):
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for j in range(4):
                Image.new("L", (4, 4), value).save(folder / f"{j}.png")
            (folder / "1.png").write_bytes(b"broken")
    dataset = load_dataset(tmp_path, unreadable="skip")
    assert dataset.n_rows == 12
    assert dataset.test_rows.tolist() == [6, 7, 8, 9, 10, 11]
    expected = np.where(dataset.y == 0, 10, 200)
    np.testing.assert_array_equal(dataset.features.numeric[:, 0], expected)


def test_nothing_readable(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for j in range(2):
            (tmp_path / name / f"{j}.png").write_bytes(b"x")
    refused(tmp_path, "4 of 4 pictures can't be read", unreadable="skip")


def test_a_class_that_is_skipped_whole_is_told_as_nothing_to_learn(pets):
    for path in (pets / "dog").iterdir():
        path.write_bytes(b"x")
    refused(pets, "1 distinct value", unreadable="skip")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_32_bits_are_refused(pets, mode):
    Image.new(mode, (4, 4), 3).save(pets / "cat" / "x.tif")
    refused(pets, "cat/x.tif: 32-bit .* save it with 8 bits")


def test_a_vector_or_script_format_under_a_pictures_name(pets):
    (pets / "cat" / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\nshowpage\n"
    )
    refused(pets, "cat/x.png: not a picture")


def test_damaged_exif_does_not_matter(pets):
    path = pets / "cat" / "x.jpg"
    Image.fromarray(noise(16, 16)).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
    assert load_dataset(pets).n_rows == 9


def test_a_folder_of_one_class(tmp_path):
    (tmp_path / "cat").mkdir()
    for j in range(3):
        (tmp_path / "cat" / f"{j}.png").write_bytes(b"not even decoded")
    refused(tmp_path, "1 distinct value .*nothing to learn")


def test_pictures_without_class_folders(pets):
    refused(pets / "cat", "does not say what they are of. .*CSV")
    refused(pets / "cat" / "0.png", "is one picture")
    (pets / "cat").rename(pets / "train")
    (pets / "dog").rename(pets / "test")
    refused(pets, "no class folders in them")


def test_folders_without_pictures(tmp_path):
    refused(tmp_path, "without pictures .class/picture.png")
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.heic").write_bytes(b"x")
    refused(tmp_path, "is a folder without pictures")


def test_parts_beside_classes(pets):
    for part in ("train", "test"):
        (pets / part / "cat").mkdir(parents=True)
        Image.fromarray(noise(16, 16)).save(pets / part / "cat" / "0.png")
    refused(pets, "parts test, train and beside them folders .*cat, dog")


def test_two_parts_of_one_kind(pets):
    (pets / "cat").rename(pets / "x")
    for part in ("train", "Training"):
        (pets / part / "cat").mkdir(parents=True)
        Image.fromarray(noise(16, 16)).save(pets / part / "cat" / "0.png")
    (pets / "dog").rename(pets / "train" / "dog")
    (pets / "x").rename(pets / "Training" / "x")
    refused(pets, "two train parts, Training and train")


def test_a_class_of_the_test_part_that_training_lacks(pets):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (pets / part / name).mkdir(parents=True)
            for j in range(3):
                Image.fromarray(noise(16, 16)).save(pets / part / name / f"{j}.png")
    for name in ("cat", "dog"):
        for path in (pets / name).iterdir():
            path.unlink()
    (pets / "test" / "fox").mkdir()
    (pets / "test" / "dog" / "0.png").rename(pets / "test" / "fox" / "0.png")
    refused(pets, "class 'fox', which the training part lacks")


def test_links_out_of_the_folder(pets, tmp_path):
    outside = tmp_path / "private.png"
    Image.fromarray(noise(16, 16)).save(outside)
    link = pets / "cat" / "link.png"
    link.symlink_to(outside)
    refused(pets, r"1 link can't be followed \(cat/link.png\)")
    link.unlink()
    (tmp_path / "more").mkdir()
    outside.rename(tmp_path / "more" / "a.png")
    (pets / "fox").symlink_to(tmp_path / "more", target_is_directory=True)
    refused(pets, r"can't be followed \(fox\)")


def test_links_to_folders_inside_would_count_twice(pets):
    (pets / "loop").symlink_to(pets / "cat", target_is_directory=True)
    refused(pets, r"can't be followed \(loop\)")
    (pets / "loop").unlink()
    (pets / "cat" / "up").symlink_to(pets, target_is_directory=True)
    assert load_dataset(pets).n_rows == 8  # leads to no picture itself, so nothing is lost


def test_a_broken_link(pets):
    (pets / "cat" / "gone.png").symlink_to(pets / "cat" / "nothing.png")
    refused(pets, "cat/gone.png: there is no such file")


def test_a_file_without_permission(pets, monkeypatch):
    real = open

    def deny(path, *args, **kwargs):
        if str(path).endswith("1.png"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", deny)
    refused(pets, "2 of 8 .*cat/1.png: no permission to read it")


def test_names_that_are_no_text(pets):
    try:
        (pets / "cat" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only text as names")
    with pytest.raises(DataError) as caught:
        load_dataset(pets)
    str(caught.value).encode()  # can be printed
    assert load_dataset(pets, unreadable="skip").n_rows == 8
    (pets / "dog").rename(pets / os.fsdecode(b"d\xe9g"))
    refused(pets, "a name that is no text")


# Options


@pytest.mark.parametrize(
    "size", ["", "0", "0x3", "axb", "3x", "3x4x5", "-3", 0, -1, (3,), (3, 4, 5), "9000"]
)
def test_sizes_that_are_none(pets, size):
    refused(pets, "is no size: expected height x width", image_size=size)


def test_options_that_do_not_fit(pets, tmp_path):
    refused(pets, "expected 'refuse' or 'skip'", unreadable="ignore")
    refused(pets, "target='breed' can't be chosen", target="breed")
    refused(pets, "no columns; leave drop= out", drop="a")
    refused(pets, "names a column, but the data came as arrays", groups="owner")
    refused("digits", "are for pictures in files", image_size=8)
    refused(pets, "must be pictures too", test="digits")
    refused(pets, "does not say what its pictures are of", test=pets / "cat")


def test_a_table_is_no_test_part_of_pictures(pets, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,u\n2,v\n")
    refused(pets, "must be pictures too", test=tmp_path / "t.csv")


# Lists


def write_list(root, text):
    path = root / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("f,y\ncat/0.png,u\n../x.png,v\n", r"row 2: '../x.png' leads out"),
        ("f,y\ncat/0.png,u\n/etc/x.png,v\n", r"row 2: '/etc/x.png' leads out"),
        ("f,y\ncat/0.png,u\ncat/../../x.png,v\n", "row 2: .* leads out"),
        ("f,y\ncat/0.png,u\n,v\n", "row 2: no path"),
        ("f\ncat/0.png\ncat/1.png\n", "not what they are of"),
        ("f,y\ncat/0.png,u\ncat/1.png,\n", "in 1 row only"),
        ("f,y\ncat/0.png,u\ncat/1.png,u\n", "1 distinct value"),
        ("f,y\ncat/0.png,u\ncat/nope.png,v\n", "cat/nope.png: there is no such file"),
        ("f,y\nx/0.png,u\nx/nope.png,v\n", "2 of 2 pictures can't be read"),
    ],
)
def test_bad_lists(pets, text, match):
    refused(write_list(pets, text), match)


def test_options_of_lists(pets):
    path = write_list(pets, "f,y,w\ncat/0.png,u,1\ncat/1.png,v,\ncat/2.png,v,3\n")
    refused(path, "'f' of .* holds the paths", target="f")
    refused(path, "no column 'z' for the target", target="z")
    refused(path, "'w' is empty in row 2", target="y", groups="w")


def test_a_link_in_a_list(pets, tmp_path):
    outside = tmp_path / "private.png"
    Image.fromarray(noise(16, 16)).save(outside)
    (pets / "cat" / "link.png").symlink_to(outside)
    refused(write_list(pets, "f,y\ncat/0.png,u\ncat/link.png,v\n"), "row 2: .*leads out")


# Prediction


def test_pictures_for_a_model_of_something_else(pets):
    for shape in (None, (4,), (10, 3)):
        with pytest.raises(DataError, match="trained on something else"):
            images_like(pets, shape)


def test_bad_pictures_for_prediction(pets):
    (pets / "cat" / "0.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 of 1 picture can't be read .0.png: not a picture"):
        images_like(pets / "cat" / "0.png", (4, 4, 3))
    with pytest.raises(DataError, match="There is no file"):
        images_like(pets / "cat" / "nope.png", (4, 4, 3))
    assert images_like(pets, (4, 4, 3), unreadable="skip").n_rows == 7
    with pytest.raises(DataError, match=r"needs about .* more than"):
        images_like(pets, (400, 400, 3), unreadable="skip", max_bytes=10_000)
