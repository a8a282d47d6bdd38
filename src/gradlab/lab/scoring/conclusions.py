"""What follows from a scorecard, in plain words."""

import math

import numpy as np

from gradlab.lab.scoring.scorecard import Score, Scorecard
from gradlab.metrics.checks import Label
from gradlab.metrics.confusion import ConfusionMatrix
from gradlab.metrics.wilson import wilson

RARE = 0.2
"""Below this share of the rarer class, accuracy says little."""

LISTED = 3
"""Confusions and classes that are named."""

NO_WORSE = -0.01
"""An R² from here to 0 is no worse than the mean."""

HEAVY = 0.25
"""Share of the squared error in the worst 1 % of rows that is worth telling."""


def conclude(card: Scorecard) -> tuple[str, ...]:
    """Return the findings as sentences, the main one first."""
    if card.kind == "regression":
        found = [_spread(card), _forms(card), _lean_of_numbers(card), _wild_rows(card)]
    elif card.kind == "binary":
        found = [_accuracy(card), _found(card), _trust(card), _rarity(card), _order(card)]
        found += [_calibration(card), _threshold(card)]
    else:
        found = [_accuracy(card), _worst_classes(card), _confusions(card), _uncalled(card)]
        found += [_calibration(card)]
    return tuple(sentence for sentence in found if sentence)


# Classes


def _accuracy(card: Scorecard) -> str:
    """Is it better than always giving the commonest answer?"""
    matrix = _matrix(card)
    score = card.score("accuracy")
    hits, actual = np.diag(matrix.counts), matrix.counts.sum(axis=0)
    common = int(actual.argmax())
    against = f"always answering {card.classes[common]!r} ({score.no_skill:.3f})"
    value = f"Accuracy {_with_interval(score)}"
    # Only rows on which the two differ tell them apart, as in McNemar's test.
    won = int(hits.sum() - hits[common])
    lost = int(actual[common] - hits[common])
    if won == lost:
        return f"{value} is no better than {against}."
    odds = wilson(won, won + lost, card.level)
    if odds.low > 0.5:
        return f"{value} beats {against}."
    if odds.high < 0.5:
        return f"{value} is worse than {against}."
    return f"{value} is not shown to differ from {against}: more rows are needed to tell."


def _found(card: Scorecard) -> str:
    """Sensitivity and specificity, as counts of rows."""
    cells = _matrix(card).of(card.positive)
    positives = cells.true_positives + cells.false_negatives
    negatives = cells.true_negatives + cells.false_positives
    parts = []
    if positives:
        number = f"{cells.true_positives:,}" if cells.true_positives else "none"
        score = _with_interval(card.score("sensitivity"))
        rows = f"{positives:,} rows of {_named(card.positive)}"
        parts.append(f"it finds {number} of {rows} (sensitivity {score})")
    if negatives:
        score = _with_interval(card.score("specificity"))
        rows = f"{negatives:,} rows of {_named(_other(card))}"
        parts.append(f"leaves {cells.true_negatives:,} of {rows} alone (specificity {score})")
    return _sentence(" and ".join(parts))


def _trust(card: Scorecard) -> str:
    """Precision, as counts of rows."""
    cells = _matrix(card).of(card.positive)
    called, label = cells.true_positives + cells.false_positives, repr(card.positive)
    if not called:
        return f"It never answers {label}, so precision is undefined."
    right = f"{cells.true_positives:,} {'is' if cells.true_positives == 1 else 'are'} right"
    answers = f"its {called:,} answers" if called > 1 else "its one answer"
    return f"Of {answers} {label}, {right} (precision {_with_interval(card.score('precision'))})."


def _rarity(card: Scorecard) -> str:
    """Which measures to read where one class is rare."""
    actual = _matrix(card).counts.sum(axis=0)
    share = float(actual.min() / actual.sum())
    if not 0 < share < RARE:
        return ""
    rare = card.classes[int(actual.argmin())]
    balanced = card.score("balanced accuracy")
    return (
        f"Only {_percent(share)} of the rows are {rare!r}, so accuracy says little: read balanced "
        f"accuracy, {_with_interval(balanced)}, of which 0.5 is chance."
    )


def _order(card: Scorecard) -> str:
    """What the scores are worth, whatever the threshold."""
    if card.roc is None:
        return ""
    score = card.score("AUC")
    text = f"AUC {_with_interval(score)}"
    if score.low is not None and score.low > 0.5:
        return (
            f"Its scores put a row of {_named(card.positive)} over one of {_named(_other(card))} "
            f"in {_percent(score.value or 0.0)} of pairs ({text})."
        )
    if score.high is not None and score.high < 0.5:
        return f"Its scores point the wrong way ({text}): a lower score means {card.positive!r}."
    return f"Its scores are not shown to order rows better than chance ({text})."


def _calibration(card: Scorecard) -> str:
    """Can the probabilities be taken at their word?"""
    found = card.calibration
    if found is None:
        return ""
    numbers = f"error {found.error:.3f}, by chance up to {found.error_by_chance:.3f}"
    if found.is_calibrated:
        return f"Its probabilities can be taken at their word (calibration {numbers})."
    gaps = found.counts * np.abs(found.probability - found.observed)
    worst = int(gaps.argmax())
    happens = "it is right" if card.kind == "multiclass" else f"it is {card.positive!r}"
    example = (
        f"where it says {found.probability[worst]:.2f}, {happens} in "
        f"{_percent(float(found.observed[worst]))} of {found.counts[worst]:,} rows"
    )
    return (
        f"Its probabilities can't be taken at their word (calibration {numbers}): {example}. "
        "Calibrate them, by Platt's or isotonic regression on validation rows."
    )


def _threshold(card: Scorecard) -> str:
    """Where to draw the line, given the costs."""
    choice = card.threshold
    if choice is None:
        return ""
    alarm, miss = card.costs
    costs = f"With a false alarm at {alarm:g} and a miss at {miss:g}"
    label = repr(card.positive)
    if choice.threshold == math.inf:
        return f"{costs}, it is cheapest never to answer {label} ({choice.value:.3g} a row)."
    if choice.threshold == -math.inf:
        return f"{costs}, it is cheapest always to answer {label} ({choice.value:.3g} a row)."
    now = card.applied_threshold
    best = f"the cheapest threshold is {choice.threshold:.3g} ({choice.value:.3g} a row"
    if now is None:
        return f"{costs}, {best}); chosen on these rows, so check it on others."
    cost = choice.value_at(now)
    if math.isclose(cost, choice.value):
        return f"{costs}, the threshold of {now:.3g} is the cheapest already ({cost:.3g} a row)."
    return (
        f"{costs}, {best}, against {cost:.3g} at {now:.3g}); chosen on these rows, so check it on "
        "others."
    )


def _worst_classes(card: Scorecard) -> str:
    """The classes that are found least."""
    known = [(row.score("sensitivity").value, row) for row in card.per_class if row.actual]
    known.sort(key=lambda pair: pair[0] or 0.0)
    worst = [row for value, row in known[:LISTED] if value is not None and value < 1]
    if not worst:
        return "Every class is found in all of its rows."
    named = [f"{row.label!r} ({_with_interval(row.score('sensitivity'))})" for row in worst]
    return f"Found least {'is' if len(named) == 1 else 'are'} {_listed(named)}."


def _confusions(card: Scorecard) -> str:
    """Which class is taken for which."""
    pairs = _matrix(card).confusions()[:LISTED]
    if not pairs:
        return ""
    named = [
        f"{pair.actual!r} for {pair.model!r} ({pair.rows:,} times, {_percent(pair.share)})"
        for pair in pairs
    ]
    return f"Most often it takes {_listed(named)}."


def _uncalled(card: Scorecard) -> str:
    """Classes that are never answered."""
    never = [repr(row.label) for row in card.per_class if row.actual and not row.called]
    if not never:
        return ""
    return f"It never answers {_listed(never, 'or')}, so their precision is undefined."


# Numbers


def _spread(card: Scorecard) -> str:
    """Is it better than always answering the mean?"""
    score, error = card.score("R²"), card.score("RMSE")
    size = f"RMSE {_number(error)}"
    if score.value is None:
        return f"R² is undefined, as y is constant; the predictions are off by {size}."
    mean = f"{error.no_skill:.3g} for always answering the mean"
    text = f"R² {_with_interval(score)}: {size}, against {mean}"
    if score.low is None or score.high is None:
        return f"{text}."
    if score.low > 0:
        return f"{text}; {_percent(max(score.value, 0.0))} of the spread of y is explained."
    if score.high < 0:
        # The mean of these very rows is hard to beat: a hair below it is no worse.
        return f"{text}: {'worse' if score.value < NO_WORSE else 'no better'} than the mean."
    return f"{text}: not shown to be better than the mean."


def _forms(card: Scorecard) -> str:
    return card.r2_forms.sentence if card.r2_forms is not None else ""


def _lean_of_numbers(card: Scorecard) -> str:
    """Are predictions too high or too low throughout?"""
    score = card.score("mean error")
    if score.value is None or score.low is None or score.high is None:
        return ""
    if score.low <= 0 <= score.high:
        return "No lean is shown: predictions are neither too high nor too low on average."
    way = "high" if score.value > 0 else "low"
    low, high = sorted((abs(score.low), abs(score.high)))
    size = f"{abs(score.value):.3g} [{low:.3g}, {high:.3g}]"
    return f"Predictions are too {way} by {size} on average; adding a constant would mend that."


def _wild_rows(card: Scorecard) -> str:
    """Do a few rows make most of the squared error?"""
    squares = np.sort(np.square(card.y - card.prediction).reshape(len(card.y), -1).sum(axis=1))
    if len(squares) < 100 or squares[-1] == 0:
        return ""
    n_worst = max(len(squares) // 100, 1)
    share = float(squares[-n_worst:].sum() / squares.sum())
    if share < HEAVY:
        return ""
    return (
        f"The worst {n_worst:,} of {len(squares):,} rows make {_percent(share)} of the squared "
        "error: look at them, and read MAE beside RMSE."
    )


# Words


def _with_interval(score: Score) -> str:
    """Return a score of 0 to 1 with three decimals, and its interval."""
    if score.value is None:
        return "undefined"
    text = f"{score.value:.3f}"
    if score.low is not None and score.high is not None:
        text += f" [{score.low:.3f}, {score.high:.3f}]"
    return text.replace("-", "−")


def _number(score: Score) -> str:
    if score.low is None or score.high is None:
        return f"{score.value:.3g}"
    return f"{score.value:.3g} [{score.low:.3g}, {score.high:.3g}]"


def _percent(share: float) -> str:
    """Return a share in per cent.

    >>> _percent(0.07), _percent(0.995), _percent(0.0004)
    ('7.0 %', '99.5 %', '0.04 %')
    """
    decimals = 1 if share >= 0.001 or share == 0 else 2
    return f"{100 * share:.{decimals}f} %"


def _named(label: Label | None) -> str:
    return repr(label) if isinstance(label, str) else f"class {label}"


def _matrix(card: Scorecard) -> ConfusionMatrix:
    assert card.confusion is not None  # every card of classes has one
    return card.confusion


def _other(card: Scorecard) -> Label:
    return next(label for label in card.classes if label != card.positive)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _listed(names: list[str], last: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
