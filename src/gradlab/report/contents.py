"""Everything that a report shows, as plain data.

The lab fills these records; the report only writes them down. Scores are in their own unit
(accuracy 0.97, not 97); `Score` says how they are shown. A number that does not exist is None.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """The measure by which levels are ranked.

    Args:
        name: What the field calls it, "accuracy" or "RMSE".
        percent: Show 0.97 as 97 %, and differences in points.
        unit: Unit of a score that is no percentage, e.g. "100 k$".
        higher_is_better: False for errors.
    """

    name: str = "accuracy"
    percent: bool = True
    unit: str = ""
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval; no interval where one run is all there is."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference, this level minus the other, with its corrected p value."""

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level of an axis, judged.

    Args:
        level: Name in recipes; the key that curves, runs and tuning refer to.
        label: Name for the eye.
        score: Validation score over the judging seeds; None if every run diverged.
        n: Judged runs behind the score.
        average_rank: Mean rank over seeds, 1 is best.
        to_leader: Difference to the best level; None for the leader itself.
        to_base: Difference to the base recipe's level; None for that level itself.
        verdict: In plain words, e.g. "practically equal to adam".
        seeds_needed: Seeds that would separate this level from the leader.
        learning_rate: The one that tuning chose.
        seconds: Mean time of a run.
        n_diverged: Judged runs that diverged.
    """

    level: str
    label: str
    score: Estimate | None
    n: int
    average_rank: float | None = None
    to_leader: Difference | None = None
    to_base: Difference | None = None
    verdict: str = ""
    seeds_needed: int | None = None
    learning_rate: float | None = None
    seconds: float | None = None
    n_diverged: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """A mean per epoch with its interval; `low` and `high` are empty where there is none."""

    mean: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """How a level learns, over the judging seeds; `epochs` counts from 1."""

    level: str
    epochs: tuple[int, ...]
    validation_score: Band | None = None
    validation_loss: Band | None = None
    train_loss: Band | None = None


@dataclass(frozen=True, slots=True)
class RunPoint:
    """One judged run; `score` is None if it diverged."""

    level: str
    seed: int
    seconds: float
    score: float | None


@dataclass(frozen=True, slots=True)
class TuningPoint:
    """Mean validation score of a level at one learning rate; `score` is None if it diverged."""

    level: str
    learning_rate: float
    score: float | None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Friedman:
    """The test that all levels of an axis rank alike."""

    statistic: float
    p: float


@dataclass(frozen=True, slots=True)
class AxisSection:
    """One question of the study: what does changing this setting do?

    Args:
        axis: Name of the setting, e.g. "optimizer".
        label: Heading, e.g. "Optimizer".
        rows: Best level first.
        sentences: The answer for this axis in words.
        leader: Best level; None if every run diverged.
        base: Level of the base recipe, if it is among the rows.
        friedman: Test over all levels, where it applies.
        critical_difference: Of average ranks (Nemenyi), where it applies.
        cliques: Groups of levels whose ranks can't be told apart.
        variance_share: Share of the variance of scores that the axis explains, 0 to 1.
        curves: One for each level.
        runs: Every judged run.
        tuning: Every learning rate tried; empty if tuning was off.
    """

    axis: str
    label: str
    rows: tuple[LevelRow, ...]
    sentences: tuple[str, ...] = ()
    leader: str | None = None
    base: str | None = None
    friedman: Friedman | None = None
    critical_difference: float | None = None
    cliques: tuple[tuple[str, ...], ...] = ()
    variance_share: float | None = None
    curves: tuple[Curve, ...] = ()
    runs: tuple[RunPoint, ...] = ()
    tuning: tuple[TuningPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and of which data.

    Args:
        text: One or two sentences in plain words.
        data: Name or path of the data.
        n_rows: Rows of the data.
        n_columns: Columns besides the target.
        task: E.g. "classification, 10 classes".
        target: Name of the target column.
        varied: One phrase an axis, e.g. "optimizer (9 levels)".
        seeds: Judging seeds a level.
        epochs: Most epochs of a run.
        base_recipe: Setting and value of the recipe around which the study varied.
    """

    text: str
    data: str
    n_rows: int
    n_columns: int
    task: str
    target: str
    varied: tuple[str, ...]
    seeds: int
    epochs: int
    base_recipe: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Winner:
    """The best recipe, and its score on test data that nothing else has read."""

    recipe: tuple[tuple[str, str], ...]
    validation_score: Estimate | None = None
    test_score: Estimate | None = None
    n_test: int | None = None


@dataclass(frozen=True, slots=True)
class DivergedRun:
    """A run whose numbers left the finite: a result, not a failure of the study."""

    run: str
    setting: str
    seed: int
    epoch: int


@dataclass(frozen=True, slots=True)
class MethodItem:
    """One part of the method, e.g. name "Splits", text "60 % training, …"."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the study was expected to cost, and what it did cost."""

    forecast_seconds: float
    actual_seconds: float
    n_runs: int
    n_programs: int


@dataclass(frozen=True, slots=True)
class ReportContents:
    """The page from top to bottom.

    Args:
        title: Heading of the page.
        question: What was asked.
        answer: The answer in sentences, most important first.
        score: The measure of the study.
        axes: One section for each axis.
        command: Exact command that repeats the study.
        interval: What the intervals are, e.g. "95 % bootstrap interval over 10 seeds".
        winner: Best recipe and its test score.
        diverged: Every diverged run, tuning included.
        n_runs: All runs of the study.
        method: Splits, tuning budget, tests and corrections.
        notes: What the data reader said aloud.
        forecast: Cost foreseen and met.
        versions: Package and version.
        machine: The machine in words.
        created: When the study ended, as text.
    """

    title: str
    question: Question
    answer: tuple[str, ...]
    score: Score
    axes: tuple[AxisSection, ...]
    command: str
    interval: str = ""
    winner: Winner | None = None
    diverged: tuple[DivergedRun, ...] = ()
    n_runs: int = 0
    method: tuple[MethodItem, ...] = ()
    notes: tuple[str, ...] = ()
    forecast: Forecast | None = None
    versions: tuple[tuple[str, str], ...] = ()
    machine: str = ""
    created: str = ""
