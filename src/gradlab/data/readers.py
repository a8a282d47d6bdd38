"""From whatever a person has — a name, a file, a frame, arrays — to a data set.

Nothing heavy is imported before it is needed: Polars for tables, scikit-learn for its sets.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradlab.data import arrays as arrays_module
from gradlab.data.arrays import Arrays
from gradlab.data.assemble import arrays_like, dataset_from_arrays, images_from_arrays
from gradlab.data.builtin import BUILTIN
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.examples import Examples, join_examples
from gradlab.data.fitting import AnyPreprocessor
from gradlab.data.idx import looks_like_idx, read_idx_file, read_idx_folder
from gradlab.data.images import ImageSize, images_like, load_images, read_cifar
from gradlab.data.images.preprocessor import ImagePreprocessor
from gradlab.data.opening import file_size, unreadable
from gradlab.data.ordered import (
    Order,
    ordered_answers,
    ordered_features_like,
    read_ordered_folder,
)
from gradlab.data.sequences.preprocessor import SequencePreprocessor
from gradlab.data.sequences.ucr import read_ts
from gradlab.data.text.arrays import text_features
from gradlab.data.text.preprocessor import TextPreprocessor
from gradlab.errors import DataError, suggest

Source = Any
"""`Arrays`, `Examples`, or `tabular.Table`: not named here, because it would import Polars."""

KINDS = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".txt": "text",
    ".data": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "json",
    ".ndjson": "json",
    ".npz": "npz",
    ".npy": "npy",
    ".idx": "idx",
    ".ts": "ts",
}
"""What a file is, by the end of its name (before .gz)."""

MOST_NAMED = 3
"""Files of a folder that a message names."""

NOT_READ = {
    ".zip": "Unpack it first and name the file inside.",
    ".tar": "Unpack it first and name its folder.",
    ".tgz": "Unpack it first and name its folder.",
    ".xlsx": "Save the sheet as CSV (UTF-8).",
    ".xls": "Save the sheet as CSV (UTF-8).",
    ".json": "Write one object a line and call it .jsonl.",
    ".pkl": "A pickle can run code when read; write Parquet or .npz instead.",
    ".pickle": "A pickle can run code when read; write Parquet or .npz instead.",
    ".arff": "Write it as CSV with a header row.",
    ".mat": "Load it with scipy.io.loadmat and give the arrays, (X, y).",
    ".h5": "Give the arrays, (X, y), or write Parquet or .npz.",
    ".bz2": "Unpack it first.",
    ".xz": "Unpack it first.",
    ".zst": "Unpack it first.",
}


def load_dataset(
    source: Any,
    *,
    target: str | int | None = None,
    task: str = "auto",
    groups: Any = None,
    time: Any = None,
    test: Any = None,
    series: str | int | None = None,
    text: str | int | None = None,
    tokens: str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    header: bool | None = None,
    drop: Sequence[str] | str = (),
    max_bytes: int | None = None,
    image_size: ImageSize | None = None,
    unreadable: str = "refuse",
) -> Dataset:
    """Read data, decide what each column is, and say what was decided.

    Args:
        source: A name of `BUILTIN` ("digits"); a path to CSV, TSV (also .gz), Parquet, Arrow,
            JSON lines, .npz, .npy or idx, or to a folder of idx files (train and t10k); a pandas,
            Polars or other frame; a pair (X, y) of arrays, frame and column, or .npy paths.
        target: Column to predict, by name or index; the last one by default.
        task: "binary", "multiclass", "regression", or "auto" to find out.
        groups: Column (or one value a row) of which equal values must not part in a split.
        time: Column (or one value a row) to order rows by: the latest become the test part. Of
            series, the column that orders their steps.
        test: A second source with the same columns, to be the test part.
        series: Column that names the series of a row, where a row is one step; "rows" where a row
            is a series and its columns are the steps.
        text: Column of texts to learn from.
        tokens: "words" or "characters" to cut texts into.
        window: Steps that a forecast sees; without `horizon`, the tokens of each row that one
            long text file is cut into, to learn which token comes next.
        horizon: Steps to forecast of the target column, whose rows are moments.
        header: Whether a text table's first row holds names; None finds out.
        drop: Columns to leave out.
        max_bytes: Memory that the data may take; half of what is free by default.
        image_size: Of pictures in files, "HEIGHTxWIDTH" in pixels, or one number for squares; the
            commonest size of the training part by default.
        unreadable: Of pictures in files, "refuse" damaged ones, or "skip" them.

    Raises:
        DataError: If the source can't be read or learnt from; says what to do.

    >>> iris = load_dataset("iris")
    >>> iris.features.numeric.shape, iris.task, iris.classes
    ((150, 4), 'multiclass', ('setosa', 'versicolor', 'virginica'))
    """
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    if max_bytes is not None and max_bytes <= 0:
        raise DataError(f"max_bytes must be positive; got {max_bytes}.")
    order = Order(series=series, text=text, tokens=tokens, window=window, horizon=horizon)
    if order.is_next_token:
        return order.next_tokens(source, max_bytes)
    pictures = load_images(
        source,
        target=target,
        task=task,
        groups=groups,
        time=time,
        test=test,
        header=header,
        drop=drop,
        max_bytes=max_bytes,
        image_size=image_size,
        unreadable=unreadable,
    )
    if pictures is not None:
        order.refuse(pictures.name, "pictures")
        return pictures
    data = read_source(source, target, header, max_bytes)
    if test is not None:
        if data.n_test:
            raise DataError(f"{data.name} has a test part of its own; leave test= out.")
        data = _with_test(data, read_source(test, target, header, max_bytes))
    if isinstance(data, Examples) or order.given:
        return order.dataset(
            data, target=target, task=task, groups=groups, time=time, drop=drop, max_bytes=max_bytes
        )
    order.refuse(data.name, "no texts")
    if isinstance(data, Arrays):
        is_file = isinstance(source, (str, Path)) and source not in BUILTIN
        if (
            target is not None
            and target != data.target_name
            and not (is_file and isinstance(target, int))
        ):
            raise DataError(
                f"{data.name} comes with its target, '{data.target_name}'; target={target!r} can't "
                "be chosen. Leave target= out."
            )
        return dataset_from_arrays(data, task, groups, time, drop)
    from gradlab.data.tabular import dataset_from_table

    return dataset_from_table(data, target, task, groups, time, drop, max_bytes)


def features_like(
    source: Any,
    preprocessor: AnyPreprocessor,
    *,
    header: bool | None = None,
    series: str | int | None = None,
    time: str | int | None = None,
    text: str | int | None = None,
    horizon: int | None = None,
    left_out: Sequence[str] = (),
) -> FeatureTable:
    """Read new data for prediction, with the columns that a preprocessor was fitted on.

    Columns may come in any order; others (a target, IDs) are ignored. Arrays are matched by
    position.

    Args:
        source: Whatever `load_dataset` takes, without the target; for a model of texts also a list
            of them.
        preprocessor: Fitted on the training data.
        header: Whether a text table's first row holds names.
        series: Of a table of series, the column that names them; each becomes a row.
        time: Of a table of series, the column that orders their steps.
        text: The column of texts.
        horizon: Given, the last window of each series is returned, to forecast its future from.
        left_out: Columns that are no steps, where each row is a series (series="rows"); those that
            the data lacks are no matter.

    Raises:
        DataError: If a column is missing, or a cell is not of the column's kind (says which).
    """
    order = Order(series=series, text=text, horizon=horizon)
    if isinstance(preprocessor, SequencePreprocessor | TextPreprocessor):
        if isinstance(preprocessor, TextPreprocessor) and isinstance(source, (list, tuple)):
            return text_features(source)
        read = read_source(source, None, header, None, for_prediction=True)
        return ordered_features_like(read, preprocessor, order, time, left_out)
    shape = preprocessor.input_shape
    if (pictures := images_like(source, shape, header=header)) is not None:
        return pictures
    data = read_source(source, None, header, None, for_prediction=True)
    if isinstance(preprocessor, ImagePreprocessor):
        return images_from_arrays(data, preprocessor.input_shape)
    if isinstance(data, Arrays):
        return arrays_like(data, preprocessor)
    from gradlab.data.tabular import table_like

    return table_like(data, preprocessor)


def examples_like(
    source: Any,
    preprocessor: SequencePreprocessor | TextPreprocessor,
    *,
    target: str | None = None,
    header: bool | None = None,
    series: str | int | None = None,
    time: str | int | None = None,
    text: str | int | None = None,
    left_out: Sequence[str] = (),
) -> Examples:
    """Read new sequences or texts together with their answers, one a row.

    Args:
        source: Whatever `load_dataset` takes.
        preprocessor: Fitted on the training data.
        target: Column of the answers, of a table; other sources bring them along.
        header, series, time, text, left_out: See `features_like`.

    Raises:
        DataError: If a column is missing, the answers vary within a series, or the source has none.
    """
    order = Order(series=series, text=text)
    data = read_source(source, None, header, None)
    answers, name = ordered_answers(data, order, target, time)
    features = ordered_features_like(data, preprocessor, order, time, left_out)
    return Examples(data.name, features, answers, name)


def _with_test(train: Source, test: Source) -> Source:
    if isinstance(train, Arrays) and isinstance(test, Arrays):
        return arrays_module.join(train, test)
    if isinstance(train, Examples) and isinstance(test, Examples):
        return join_examples(train, test)
    if isinstance(train, Arrays | Examples) or isinstance(test, Arrays | Examples):
        raise DataError(
            "The test part must be of the kind of the training part: table or arrays, sequences or "
            "texts."
        )
    from gradlab.data.tabular import join_tables

    return join_tables(train, test)


def read_source(
    source: Any,
    target: str | int | None,
    header: bool | None,
    max_bytes: int | None,
    for_prediction: bool = False,
) -> Source:
    """Return what a source holds, as it came: arrays, examples or a table.

    Args:
        source: Whatever `load_dataset` takes, but pictures in files.
        target, header, max_bytes: See `load_dataset`.
        for_prediction: Whether it may come without a target.

    Raises:
        DataError: If it can't be read.
    """
    if isinstance(source, str) and source in BUILTIN:
        return BUILTIN[source]()
    if isinstance(source, (str, Path)):
        return _read_path(Path(source), target, header, max_bytes, for_prediction)
    if isinstance(source, Arrays | Examples):
        return source
    if isinstance(source, tuple):
        if len(source) != 2:
            raise DataError(f"Expected a pair (X, y); came a tuple of {len(source)} things.")
        return _read_pair(*source, max_bytes)
    if _is_frame(source):
        from gradlab.data import tabular
        from gradlab.data.tables import frame_of

        frame = frame_of(source)
        if frame is not None:
            if frame.height == 0 or frame.width == 0:
                raise DataError(
                    f"The frame is empty: {frame.height} rows and {frame.width} columns."
                )
            return tabular.Table("frame", frame)
    if for_prediction and source is not None:
        return Arrays("array", arrays_module.as_array(source, "X"), None)
    raise DataError(
        f"Data of type {type(source).__name__} can't be read. Give a name ("
        f"{', '.join(BUILTIN)}), a path, a frame, or a pair (X, y)."
    )


def _read_path(
    path: Path,
    target: str | int | None,
    header: bool | None,
    max_bytes: int | None,
    for_prediction: bool,
) -> Source:
    if _is_folder(path):
        found = read_idx_folder(path, max_bytes) or read_cifar(path, target, max_bytes)
        found = found or read_ordered_folder(path, max_bytes)
        if found is None:
            raise DataError(
                f"{path} is a folder without pictures (class/picture.png), idx files "
                "(train-images…, train-labels…) or CIFAR batches. Name the file to read"
                f"{_readable_files(path)}."
            )
        return found
    if (found := read_cifar(path, target, max_bytes)) is not None:
        return found
    if path.parent == Path() and not path.suffix and not _exists(path):
        raise DataError(
            f"There is no data set or file called '{path}'.{suggest(str(path), BUILTIN)} "
            f"Known sets: {', '.join(BUILTIN)}; or give the path of a file."
        )
    file_size(path)
    kind = _kind_of_file(path)
    if kind == "idx":
        return read_idx_file(path, max_bytes, need_labels=not for_prediction)
    if kind == "ts":
        return read_ts(path, max_bytes)
    if kind == "npz":
        return arrays_module.read_npz(path, target, max_bytes)
    if kind == "npy":
        array = arrays_module.read_npy(path, max_bytes)
        if for_prediction:
            return Arrays(path.stem, array, None)
        return arrays_module.single(array, path.stem, target)
    from gradlab.data.tables import read_table
    from gradlab.data.tabular import Table

    frame, notes = read_table(path, kind, header, max_bytes)
    return Table(path.name.split(".")[0], frame, notes=tuple(notes))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long or with a NUL; opening it says so
        return False


def _readable_files(folder: Path) -> str:
    """Return the first names in a folder that look readable, to be said behind an advice."""
    kinds = tuple(KINDS) + tuple(f"{ending}.gz" for ending in KINDS)
    found = sorted(p for p in folder.iterdir() if p.name.lower().endswith(kinds) and p.is_file())
    more = ", …" if len(found) > MOST_NAMED else ""
    return ": " + ", ".join(map(str, found[:MOST_NAMED])) + more if found else ""


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _kind_of_file(path: Path) -> str:
    """Tell a file's format by its name, or by its first bytes if the name says nothing."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ending = plain.suffix.lower()
    if looks_like_idx(path):
        return "idx"
    if ending in KINDS:
        return KINDS[ending]
    if ending in NOT_READ:
        raise DataError(f"{path}: {ending} files are not read. {NOT_READ[ending]}")
    try:
        with path.open("rb") as file:
            start = file.read(6)
    except OSError as error:
        raise unreadable(path, error) from error
    if start[:4] == b"PAR1":
        return "parquet"
    if start == b"ARROW1":
        return "arrow"
    return "text"


def _read_pair(x: Any, y: Any, max_bytes: int | None) -> Source:
    if isinstance(x, (str, Path)) and isinstance(y, (str, Path)):
        features = arrays_module.read_npy(Path(x), max_bytes)
        return Arrays(Path(x).stem, features, arrays_module.read_npy(Path(y), max_bytes))
    target_name = str(getattr(y, "name", None) or "target")
    frame = None
    if _is_frame(x):
        from gradlab.data.tables import frame_of

        frame = frame_of(x)
    if frame is None:
        array = arrays_module.as_array(x, "X")
        if array.dtype.kind not in "OUS" or array.ndim != 2:
            y = arrays_module.target_array(y)
            return Arrays("arrays", array, y, target_name=target_name)
        from gradlab.data.tabular import text_columns

        frame = text_columns(array)
    from gradlab.data.tabular import frame_and_target

    return frame_and_target(frame, y, target_name)


def _is_frame(source: Any) -> bool:
    # Ask the class: a lazy frame would work out its columns to answer.
    return hasattr(type(source), "__dataframe__") or hasattr(type(source), "columns")
