"""The cure in the report of a consultation: what was tried, and the proof."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab import report

if TYPE_CHECKING:
    from gradlab.doctor.consultation import Consultation


def cure_section(consultation: "Consultation") -> report.Section | None:
    """Return what was tried, and the proof."""
    proof = consultation.cure
    if proof is None or len(proof.attempts) < 2:
        return None
    from gradlab.plots.before_after import attempts_figure, before_after_figure

    percent = proof.score_name == "accuracy"
    names = ["as it is", *(_words(consultation, a.changes) for a in proof.attempts[1:])]
    order = sorted(range(1, len(names)), key=lambda i: -proof.attempts[i].score)
    order = [0, *order]
    chosen = next((i for i, j in enumerate(order) if proof.attempts[j].changes == proof.changes
                   and j), None)  # fmt: skip
    parts: list[report.Part] = [
        report.plot(
            "tried",
            attempts_figure(
                [names[i] for i in order],
                [list(proof.attempts[i].scores) for i in order],
                what=f"{proof.score_name} on {proof.judged_on} rows",
                chosen=chosen,
                percent=percent,
            ),
            title="What was tried, on the seeds that choose",
            description="Dots for the scores of every candidate, one a seed.",
            how_to_read="The dotted line is the training as it is; bold is what was chosen."
            + (
                " One dot alone: given up, as it gained nothing on the first seed."
                if any(attempt.eliminated for attempt in proof.attempts)
                else ""
            ),
            table=report.Table(
                "Scores of the candidates",
                ("candidate", "mean", "seconds"),
                [(names[i], proof.attempts[i].score, proof.attempts[i].seconds) for i in order],
            ),
            wide=True,
        )
    ]
    if proof.changes:
        parts.append(
            report.plot(
                "proof",
                before_after_figure(
                    np.array(proof.scores_before),
                    np.array(proof.scores_after),
                    what=f"{proof.score_name} on {proof.judged_on} rows",
                    percent=percent,
                ),
                title="The proof: before and after, on seeds that chose nothing",
                description="A line for each seed from its score before to that after.",
                how_to_read="Rising lines are seeds that the cure helps.",
                table=report.Table(
                    "Scores on fresh seeds",
                    ("before", "after"),
                    list(zip(proof.scores_before, proof.scores_after, strict=True)),
                ),
            )
        )
    return report.Section("Cure", proof.sentences, tuple(parts))


def _words(consultation: "Consultation", changes) -> str:
    from gradlab.doctor.cure import changes_in_words

    assert consultation.cure is not None
    return changes_in_words(consultation.cure.before, changes)
