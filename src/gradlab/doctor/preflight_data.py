"""The checks of data before training, in words."""

from collections.abc import Iterator

import numpy as np

from gradlab.doctor.candidates import unscaled
from gradlab.doctor.checks import out_of_reach
from gradlab.doctor.evidence import DataFacts, Setup
from gradlab.doctor.statement import Said, error, named, note, warning

PROBLEMS = {
    "constant": error("All targets are equal: there is nothing to learn."),
    "not_finite": error("Some targets are no finite numbers; every loss with them is none."),
    "one_hot_sums": error("Targets look like one column a class, but rows don't sum to 1."),
    "collapsed": error(
        "Class labels are fractions up to 1: where whole numbers are read, they become 0. Were "
        "they divided with the inputs?"
    ),
    "negative": error("Class labels below 0: classes are counted from 0."),
    "not_classes": warning(
        "There are about as many labels as rows: are they numbers, to be predicted by regression?"
    ),
}


def inputs(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say what is missing, and whether columns and targets are of a common scale."""
    if facts.n_missing:
        yield error(
            f"{facts.n_missing:,} input values are no finite numbers; one is enough to turn every "
            "weight into none. Fill or drop them."
        )
    if facts.mean is not None and facts.std is not None and unscaled(facts):
        varies = facts.std > 0
        low, high = facts.std[varies].min(), facts.std[varies].max()
        furthest = np.abs(facts.mean[varies]).max()
        yield warning(
            f"Inputs are not of a common scale: deviations from {low:.3g} to {high:.3g}, means up "
            f"to {furthest:.3g} from 0. Standardise them."
        )
    if setup.validation_scaled is False:
        yield error("The rows that judge are not scaled as the training rows are.")
    if setup.task == "regression" and facts.target_std is not None:
        mean, std = facts.target_mean or 0.0, facts.target_std
        if std > 10 or std < 0.05 or abs(mean) > 10 * max(std, 1.0):
            yield warning(
                f"Targets have mean {mean:.3g} and deviation {std:.3g}, far from 0 and 1: the "
                "loss and its gradients have that scale too. Standardise them."
            )


def labels(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say whether targets are coded as outputs and loss read them, and stand in blocks."""
    yield from (PROBLEMS[problem] for problem in facts.label_problems)
    n, low, high = setup.n_outputs, facts.target_minimum, facts.target_maximum
    if low is not None and high is not None:
        integer = setup.label_coding == "integer"
        if setup.task == "multiclass" and integer and n and high > n - 1:
            yield error(f"Class numbers go up to {high:g}; the network has {n} outputs, 0 first.")
        bounds = out_of_reach(setup, facts)
        if bounds is not None and setup.output is not None:
            yield error(
                f"Targets lie between {low:.3g} and {high:.3g}; {setup.output.activation} outputs "
                f"reach only {bounds[0]:g} to {bounds[1]:g}."
            )
    if facts.ordered and setup.shuffle is False:
        yield warning(
            "Training rows are sorted by target and not shuffled: batches see few classes."
        )
    elif facts.ordered:
        yield note("Training rows are sorted by target: a part cut off the end would be one-sided.")


def balance(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say which class is rare: below a fifth of an equal share."""
    counts = facts.class_counts
    if counts is None or len(counts) < 2 or not counts.sum():
        return
    rarest, share = int(counts.argmin()), counts.min() / counts.sum()
    if counts.min() == 0:
        yield warning(f"Class {rarest} has no training row.")
    elif share < 0.2 / len(counts):
        yield warning(
            f"Class {rarest} has {counts.min():,} of {counts.sum():,} training rows "
            f"({share:.1%}); always answering the commonest gives {counts.max() / counts.sum():.1%}"
            " accuracy. Weight the classes, and judge by more than accuracy."
        )


def columns(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say which columns never vary, or give the answer away."""
    if facts.constant:
        n, of = len(facts.constant), 0 if facts.mean is None else len(facts.mean)
        verb = "never varies: it says" if n == 1 else "never vary: they say"
        text = f"Column{'' if n == 1 else 's'} {named(facts.constant)} {verb} nothing."
        if n == of:
            yield error(text)
        elif of >= 64 and n < of / 2:  # borders of pictures laid out as columns are like that
            yield note(text)
        else:
            yield warning(text)
    if facts.leaking:
        names = named(tuple(f"{name} (r² {score:.3f})" for name, score in facts.leaking))
        one = len(facts.leaking) == 1
        yield error(
            f"Column{'' if one else 's'} {names} alone give{'s' if one else ''} the answer away. "
            "Will that be known when the network is used?"
        )


def repeats(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say whether rows that judge were trained on, and whether rows occur twice."""
    if facts.shared and facts.n_validation:
        share, own = facts.shared / facts.n_validation, facts.duplicates or 0.0
        text = f"{facts.shared:,} of {facts.n_validation:,} rows that judge ({share:.1%}) occur in "
        # Rows that repeat within training repeat across a fair split about as often.
        if facts.shared <= 2 or share < 2 * own + 0.02:
            yield note(text + "training too, as often as rows repeat there: the score flatters.")
        else:
            yield error(text + "training too: the score is partly one of memory. Split anew.")
    elif facts.duplicates:
        yield note(f"{facts.duplicates:.1%} of the training rows occur more than once.")


def learnable(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say whether targets seem not to belong to their rows."""
    disagreement, score = facts.label_disagreement, facts.reference_score
    if disagreement is None or score is None or facts.trivial_score is None:
        return
    if facts.n_train >= 100 and disagreement > 0.9 and score < facts.trivial_score + 0.05:
        yield warning(
            "Neighbouring rows disagree about their targets as if these were shuffled "
            f"({disagreement:.0%} of what chance gives), and plain methods reach {score:.3g} where "
            f"a constant answer has {facts.trivial_score:.3g}. Do targets belong to their rows?"
        )
