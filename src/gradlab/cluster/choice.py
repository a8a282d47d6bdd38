"""Three views of how many groups there are, and what they say together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from gradlab.cluster.candidates import take_sample, train_candidates
from gradlab.cluster.elbow import Elbow, elbow_of, with_one
from gradlab.cluster.gap import Gap, gap_statistic
from gradlab.cluster.silhouette import STRENGTHS, Silhouettes, silhouettes_of

GAP_ROWS = 3000
"""Most rows for the gap statistic, which trains all its reference sets as well."""


@dataclass(frozen=True)
class Choice:
    """What elbow, silhouette and gap statistic advise; the choice stays a person's.

    Attributes:
        elbow: Where J(K) bends.
        silhouettes: How compact and apart the groups are.
        gap: Whether data falls apart better than uniform data.
        best: The K that most of those advise that find groups; 1 if none does and the gap says so;
            None if nothing speaks for any K.
        sentences: The advice in words: the sum first, then each view.
    """

    elbow: Elbow
    silhouettes: Silhouettes
    gap: Gap
    best: int | None
    sentences: tuple[str, ...]


def choose_n_clusters(
    X: object,
    ks: Iterable[int] = range(1, 11),
    *,
    n_init: int = 10,
    n_references: int = 20,
    max_rows: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> Choice:
    """Ask elbow, silhouette and gap statistic for K, and say where they agree.

    Args:
        X: Rows, (n, d). Units matter: scale columns that should count alike.
        ks: Numbers of groups; 1 is added.
        n_init: k-means++ starts for each K; a third of them for the gap statistic.
        n_references: Reference sets of the gap statistic.
        max_rows: From larger data so many rows are drawn; at most 3000 for the gap statistic.
        random_state: Seed.

    Raises:
        RecipeError: If a setting is out of range, or ks has fewer than two numbers above 1.
        DataError: If there are fewer rows than groups, or fewer than 3 different rows.

    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(90, 2)) + c for c in ([0, 0], [9, 0], [0, 9])])
    >>> choose_n_clusters(X, range(1, 6), n_references=5, random_state=0).sentences[0]
    'Elbow, silhouette and gap statistic advise K = 3.'
    """
    random = check_random_state(random_state)
    sample = take_sample(X, max_rows, random)
    ks = with_one(ks, len(sample.x))
    candidates = train_candidates(sample.x, ks, n_init=n_init, random=random)
    bend = elbow_of(candidates, sample, random)
    silhouettes = silhouettes_of(candidates, sample)
    gap = gap_statistic(
        X,
        ks,
        n_references=n_references,
        n_init=max(1, n_init // 3),
        max_rows=min(max_rows, GAP_ROWS),
        random_state=random,
    )
    advice: dict[str, int] = {}
    if bend.clear:
        advice["elbow"] = bend.best
    if silhouettes.scores.max() > STRENGTHS[-1][0]:
        advice["silhouette"] = silhouettes.best
    if gap.clear:
        advice["gap statistic"] = gap.best
    best = Counter(advice.values()).most_common(1)[0][0] if advice else None
    if not bend.clear and gap.clear and gap.best == 1:
        best = 1  # the silhouette can't say that there are no groups
    sentences = (_summary(advice, best), bend.sentence, silhouettes.sentence, gap.sentence)
    return Choice(bend, silhouettes, gap, best, sentences)


def _summary(advice: dict[str, int], best: int | None) -> str:
    if best is None:
        return "Nothing speaks for any of these K: choose it by what the groups are for."
    if best == 1:
        return "No groups stand out: choose K by what the groups are for."
    agree = [name for name, k in advice.items() if k == best]
    others = [f"the {name} says {k}" for name, k in advice.items() if k != best]
    who = " and ".join(filter(None, [", ".join(agree[:-1]), agree[-1]]))
    verb = "advise" if len(agree) > 1 else "advises"
    said = f"{who[0].upper()}{who[1:]} {verb} K = {best}"
    return f"{said}; {' and '.join(others)}." if others else f"{said}."
