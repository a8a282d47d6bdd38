"""The part of `load_dataset` that reads sequences, forecast windows and texts.

Polars is imported only where a table is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.examples import Examples, dataset_from_examples
from gradlab.data.plain_text import read_text
from gradlab.data.sequences.audio import read_wav_folder
from gradlab.data.sequences.preprocessor import SequencePreprocessor
from gradlab.data.sequences.ucr import read_ts_folder
from gradlab.data.text.arrays import checked_tokens
from gradlab.data.text.folders import is_text_folder, read_text_folder
from gradlab.data.text.next_token import next_token_dataset
from gradlab.data.text.preprocessor import TextPreprocessor
from gradlab.errors import DataError

TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".arrow", ".feather", ".jsonl", ".npz")

Source = Any
"""What a reader returned: a table, arrays or `Examples`."""


@dataclass(frozen=True)
class Order:
    """What was asked of `load_dataset` that only ordered data answers."""

    series: str | int | None = None
    text: str | int | None = None
    tokens: str | None = None
    window: int | None = None
    horizon: int | None = None

    def __post_init__(self):
        """Refuse options that contradict each other."""
        checked_tokens(self.tokens)
        if self.horizon is not None and (self.text is not None or self.tokens is not None):
            raise DataError("horizon= forecasts numbers; text= and tokens= are for texts.")
        if self.text is not None and self.series is not None:
            raise DataError("text= and series= don't go together. Leave one out.")
        if self.window is not None and self.horizon is None:
            if self.series is not None:
                raise DataError("window= needs horizon=, the number of steps to forecast.")
            if self.text is not None:
                raise DataError(
                    "window= cuts one long text to learn its next tokens, text= reads many texts "
                    "with an answer each. Leave one out."
                )

    @property
    def given(self) -> bool:
        """Whether a table is to be read as series, windows or texts."""
        return any(option is not None for option in (self.series, self.text, self.horizon))

    def refuse(self, name: str, kind: str) -> None:
        """Refuse options that make no sense for what the data turned out to be."""
        for option, value in vars(self).items():
            if value is not None:
                raise DataError(f"{option}= does not go with {name}: it holds {kind}.")

    @property
    def is_next_token(self) -> bool:
        """Whether one long text is to be read."""
        return self.window is not None and self.horizon is None

    def next_tokens(self, source: Any, max_bytes: int | None) -> Dataset:
        """Read one long text in windows."""
        assert self.window is not None
        if not isinstance(source, (str, Path)):
            raise DataError(
                "window= without horizon= cuts a text file; give its path, or use "
                "next_token_dataset for a text in memory."
            )
        path = Path(source)
        ending = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
        if ending.lower() in TABLE_ENDINGS:
            raise DataError(
                f"{path} is a table: window= alone cuts a long text (.txt). To forecast a column, "
                "give horizon= (steps to forecast) too."
            )
        text = read_text(path, max_bytes)
        kind = checked_tokens(self.tokens) or "characters"
        return next_token_dataset(text, window=self.window, tokens=kind, name=path.stem)

    def dataset(
        self,
        data: Source,
        *,
        target: str | int | None,
        task: str,
        groups: Any,
        time: Any,
        drop: tuple[str, ...],
        max_bytes: int | None,
    ) -> Dataset:
        """Return what was read as a data set of sequences, windows or texts."""
        if isinstance(data, Examples):
            return self._of_examples(data, target, task, groups, time, drop)
        if not hasattr(data, "frame"):
            raise DataError(
                f"{data.name} came as arrays; series=, text= and horizon= name columns of a table. "
                "Use sequence_dataset, text_dataset or forecast_dataset for arrays."
            )
        if self.text is not None:
            from gradlab.data.text.tables import texts_from_table

            examples = texts_from_table(
                data, text=self.text, tokens=self.tokens, target=target, groups=groups, time=time
            )
            return dataset_from_examples(examples, task)
        column_time = _column(time, "time")
        if self.horizon is not None:
            from gradlab.data.sequences.window_tables import windows_from_table

            if task not in ("auto", "regression") or groups is not None or data.n_test:
                raise DataError(
                    "A forecast (horizon=) is a regression parted in time: leave task=, groups= "
                    "and test= out; the latest windows are the test part."
                )
            return windows_from_table(
                data,
                horizon=self.horizon,
                window=self.window,
                series=self.series,
                time=column_time,
                target=target,
                drop=drop,
                max_bytes=max_bytes,
            )
        from gradlab.data.sequences.long_form import sequences_from_table

        assert self.series is not None
        examples = sequences_from_table(
            data,
            series=self.series,
            time=column_time,
            target=target,
            groups=_column(groups, "groups"),
            drop=drop,
            max_bytes=max_bytes,
        )
        return dataset_from_examples(examples, task)

    def _of_examples(
        self,
        data: Examples,
        target: str | int | None,
        task: str,
        groups: Any,
        time: Any,
        drop: tuple[str, ...],
    ) -> Dataset:
        options = {"target": target, "time": time, "series": self.series, "text": self.text}
        options |= {"horizon": self.horizon, "drop": drop or None}
        wrong = [name for name, value in options.items() if value is not None]
        if wrong:
            raise DataError(
                f"{data.name} comes as {data.features.kind}s with their answers: {wrong[0]}= has "
                "nothing to choose from. Leave it out."
            )
        if self.tokens is not None:
            if data.features.texts is None:
                raise DataError(f"tokens= is for texts; {data.name} holds {data.features.kind}s.")
            data = replace(
                data, features=replace(data.features, tokens=checked_tokens(self.tokens))
            )
        return dataset_from_examples(data, task, groups=groups)


def read_ordered_folder(folder: Path, max_bytes: int | None) -> Examples | None:
    """Read a folder of `.ts` files, of recordings, or of texts in class folders; else None."""
    found = read_ts_folder(folder, max_bytes)
    if found is None:
        found = read_wav_folder(folder, max_bytes)
    if found is None and is_text_folder(folder):
        found = read_text_folder(folder, max_bytes)
    return found


def ordered_features_like(
    data: Source,
    preprocessor: SequencePreprocessor | TextPreprocessor,
    order: Order,
    time: str | int | None,
    left_out: Sequence[str] = (),
) -> FeatureTable:
    """Return new data as the sequences or texts that a preprocessor was fitted on.

    A table is read in long form with series=, as one series to forecast from (its last window)
    with horizon=, as texts with text=. With series="rows", columns in left_out are no steps.
    """
    if isinstance(data, Examples):
        return _same_kind(data.features, preprocessor, data.name)
    if not hasattr(data, "frame"):
        raise DataError(
            f"{data.name} came as arrays. Make features of them with sequence_features or "
            "text_features."
        )
    if isinstance(preprocessor, TextPreprocessor):
        from gradlab.data.text.tables import texts_like

        if order.text is None:
            raise DataError(f"The model reads texts: name the column of {data.name} with text=.")
        return texts_like(data, order.text)
    wanted = _raw_names(preprocessor)
    if order.horizon is not None:
        from gradlab.data.sequences.window_tables import last_windows_like

        window = preprocessor.n_steps
        return last_windows_like(data, wanted, window, series=order.series, time=time)
    from gradlab.data.sequences.long_form import series_like

    if order.series is None:
        raise DataError(
            f"The model reads sequences: name the series column of {data.name} with series=, or "
            "give horizon= to forecast from its last window."
        )
    return series_like(data, wanted, series=order.series, time=time, left_out=left_out)


def ordered_answers(
    data: Source, order: Order, target: str | None, time: str | int | None
) -> tuple[Shaped[np.ndarray, " rows"], str]:
    """Return the answer of each sequence or text of new data, missing ones too, and its name.

    Rows are those that `ordered_features_like` returns.

    Raises:
        DataError: If there are no answers, or they vary within a series.
    """
    if isinstance(data, Examples):
        if data.y is None:
            raise DataError(
                f"{data.name} holds no classes or targets: it can only be predicted on."
            )
        return data.y, data.target_name
    if not hasattr(data, "frame") or target is None:
        raise DataError(
            f"{data.name} came without answers. Give a table with a column of them, or a source "
            "that brings them along (.ts, class folders)."
        )
    from gradlab.data import columns
    from gradlab.data.sequences.long_form import answers_of_series, is_one_a_row

    frame = columns.clean(data.frame)
    name = columns.resolve(target, frame.columns, "truth", data.name)
    if order.series is None or is_one_a_row(order.series, frame.columns):
        return columns.target_values(frame[name], data.name), name
    return answers_of_series(data, name, series=order.series, time=time), name


def _raw_names(preprocessor: SequencePreprocessor) -> tuple[str, ...]:
    return preprocessor.step.columns


def _same_kind(
    features: FeatureTable, preprocessor: SequencePreprocessor | TextPreprocessor, name: str
) -> FeatureTable:
    expected = "text" if isinstance(preprocessor, TextPreprocessor) else "sequence"
    if features.kind != expected:
        raise DataError(f"{name} holds {features.kind}s; the model was trained on {expected}s.")
    if isinstance(preprocessor, SequencePreprocessor):
        wanted = _raw_names(preprocessor)
        if set(wanted) - set(features.names):
            raise DataError(
                f"{name}: the steps have {', '.join(features.names[:10])}; the model was trained "
                f"on {', '.join(wanted[:10])}. Give these."
            )
    return features


def _column(given: Any, role: str) -> str | int | None:
    if given is not None and not isinstance(given, (str, int)):
        raise DataError(f"{role}= names a column here; came {type(given).__name__}.")
    return given
