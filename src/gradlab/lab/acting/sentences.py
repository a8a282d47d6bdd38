"""What a study of agents says, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab.lab.acting.levels import NAMES
from gradlab.lab.acting.unit import written
from gradlab.lab.acting.verdicts import difference_words, verdict_sentences
from gradlab.lab.ranking import rank_axis

if TYPE_CHECKING:
    from gradlab.lab.acting.study import ActingStudy


def sentences_of(study: "ActingStudy") -> tuple[str, ...]:
    """Return what to conclude, most important first."""
    said = [*_contrast(study)]
    for ranking in study.after.values():
        said += verdict_sentences(ranking, study.unit, when="after training")
    if not study.axes:
        said += _alone(study)
    said += _about_optimum(study)
    for ranking in study.learning.values():
        said += verdict_sentences(ranking, study.unit, when="while learning")
    said += _about_solving(study)
    if study.missing:
        said.append(
            f"Stopped early: {len(study.runs)} of {len(study.runs) + study.missing} runs are in "
            "these numbers."
        )
    return tuple(map(_capital, said))


def _contrast(study: "ActingStudy") -> list[str]:
    """Return exploring against greedy agents in one sentence."""
    if study.exploring is None:
        return []
    found = study.exploring.difference("exploring agents", "greedy agents")
    if found is None:
        return []
    if found.verdict in ("better", "worse"):
        ahead, behind = ("Exploring", "greedy") if found.mean > 0 else ("Greedy", "exploring")
        seen = found if found.mean > 0 else found.flipped()
        words = difference_words(seen, study.unit)
        return [f"{ahead} agents {study.unit.many} {words} than {behind} ones after training."]
    how = (
        "are practically equal" if found.verdict == "practically equal"
        else "can't be told apart"
    )  # fmt: skip
    return [f"Exploring and greedy agents {how} after training."]


def _alone(study: "ActingStudy") -> list[str]:
    scores = study.scores("after")[0]
    known = scores[np.isfinite(scores)]
    if not len(known):
        return ["No run came to an end."]
    ranking = rank_axis("agent", [study.cells[0].agent], scores[None], unit="", margin=0.0)
    row = ranking.rows[0]
    interval = (
        "" if row.low is None or row.high is None
        else f" [{written(row.low)}, {written(row.high)}]"
    )  # fmt: skip
    mean = float(known.mean())
    does = f"{NAMES[study.cells[0].agent]} {study.unit.one} {study.unit.phrase(mean)}{interval}"
    return [f"{does} after training, the mean of {len(known)} seeds."]


def _about_optimum(study: "ActingStudy") -> tuple[str, ...]:
    """Return how near the best setting comes to the best that can be."""
    if study.optimum is None:
        return ()
    scores, best = study.scores("after"), study.unit.scale * study.optimum
    means = study.means("after")
    if not np.isfinite(means).any():
        return ()
    cell = int(np.nanargmax(means))
    found = float(means[cell])
    reached = int(np.sum(scores[cell] >= best - 1e-6 * max(1.0, abs(best))))
    n = int(np.isfinite(scores[cell]).sum())
    who = study.cells[cell].name
    text = f"The best possible is {study.unit.phrase(best)}, exactly, by the model"
    if reached == n:
        return (f"{text}; every seed of {who} gets there.",)
    share = f", {found / best:.0%} of it" if best > 0 and found > 0 else ""
    some = f"; {reached} of {n} seeds get there" if reached else ""
    return (f"{text}; {who} comes to {written(found)}{share}{some}.",)


def _about_solving(study: "ActingStudy") -> tuple[str, ...]:
    """Return how many runs met the environment's goal, and when."""
    deep = [run for run in study.runs if run.network is not None]
    if not deep or study.goal is None:
        return ()
    said = []
    for i, cell in enumerate(study.cells):
        runs = [run for run in deep if run.cell == i]
        times = [run.solved_at for run in runs if run.solved_at is not None]
        if not runs:
            continue
        name = f" of {cell.name}" if len(study.cells) > 1 else ""
        when = f", after a median of {int(np.median(times)):,} steps" if times else ""
        said.append(
            f"{len(times)} of {len(runs)} runs{name} reached a mean of "
            f"{study.unit.phrase(study.goal * study.unit.scale)} over 100 training episodes{when}."
        )
    return tuple(said)


def _capital(sentence: str) -> str:
    """Begin with a capital; ε stays as it is, a capital one reads as E."""
    return sentence[0].upper() + sentence[1:] if sentence[0].isascii() else sentence
