"""All facts about the data of a training at once."""

import numpy as np
from jaxtyping import Int, Shaped

from gradlab.blas import one_thread
from gradlab.doctor.checks.columns import column_statistics
from gradlab.doctor.checks.labels import class_counts, in_blocks, read_answers, trivial_score
from gradlab.doctor.checks.leakage import leaking_columns
from gradlab.doctor.checks.reference import reference
from gradlab.doctor.checks.repeats import repeated_rows, shared_rows
from gradlab.doctor.checks.rows import as_rows
from gradlab.doctor.evidence import DataFacts, TaskName
from gradlab.errors import DataError


def data_facts(
    x: Shaped[np.ndarray, "rows ..."],
    y: Shaped[np.ndarray, "targets ..."],
    x_validation: Shaped[np.ndarray, "others ..."] | None = None,
    y_validation: Shaped[np.ndarray, "judged ..."] | None = None,
    *,
    task: TaskName,
    lengths: Int[np.ndarray, " rows"] | None = None,
    names: tuple[str, ...] | None = None,
    tokens: bool | None = None,
) -> DataFacts:
    """Look at training rows, and at validation rows beside them, as the network is given them.

    Counted on all rows: missing values, smallest and largest, constant columns, equal rows, the
    classes and targets. From a sample drawn with a fixed seed: mean and deviation (4,000 rows),
    leaking columns (2,000), what plain methods reach and what neighbours say (1,500); there a
    sample is as good as the whole to a few per cent. Nothing depends on the machine or the time.

    Args:
        x: Plain rows, images (rows, height, width, channels), sequences (rows, time, features), or
            tokens (rows, time).
        y: Targets as the loss gets them; see `checks.labels.read_answers`.
        x_validation, y_validation: Rows that judge, if any.
        task: What is to be answered.
        lengths: Real steps of each sequence.
        names: Of columns; positions if None.
        tokens: Whether x holds tokens; by default whole numbers that come with lengths.

    Raises:
        DataError: If there are no rows, x and y are of unlike length, or they are not numbers.

    >>> x = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
    >>> facts = data_facts(x, np.array([0, 1, 1, 0]), task="binary", names=("age", "code"))
    >>> facts.constant, facts.duplicates, facts.class_counts.tolist()
    (('code',), 0.5, [2, 2])
    """
    if len(x) != len(y):
        raise DataError(f"Expected a target for each row; came {len(x)} rows and {len(y)} targets.")
    rows = as_rows(x, lengths=lengths, names=names, tokens=tokens)
    answers = read_answers(y, task, lengths=lengths)
    columns = column_statistics(rows)
    with one_thread():  # matrices of 1,000 rows: handing out the work takes longer than doing it
        learnt = None if task == "reconstruction" else reference(rows, answers)
        leaking = leaking_columns(rows, answers)
    judged = answers
    if y_validation is not None and len(y_validation):
        # Lengths of validation rows are not known: their padding counts as steps.
        judged = read_answers(y_validation, task, like=answers)
    found = None if x_validation is None else int(shared_rows(x, x_validation).sum())
    return DataFacts(
        n_train=len(x),
        n_validation=0 if x_validation is None else len(x_validation),
        input_shape=tuple(x.shape[1:]),
        mean=columns.mean,
        std=columns.std,
        minimum=columns.minimum,
        maximum=columns.maximum,
        n_missing=columns.n_missing,
        constant=() if rows.kind == "tokens" else columns.constant,
        leaking=leaking,
        duplicates=float(repeated_rows(x).mean()),
        shared=found,
        n_classes=answers.n_classes,
        class_counts=class_counts(answers),
        target_mean=float(answers.numbers.mean()),
        target_std=float(answers.numbers.std()),
        target_minimum=float(answers.numbers.min()),
        target_maximum=float(answers.numbers.max()),
        trivial_score=trivial_score(answers, judged, task),
        reference_score=None if learnt is None else learnt.score,
        reference_train_score=None if learnt is None else learnt.train_score,
        label_disagreement=None if learnt is None else learnt.disagreement,
        ordered=in_blocks(answers),
        label_problems=answers.problems,
    )
