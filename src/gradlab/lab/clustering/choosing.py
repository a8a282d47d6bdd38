"""How many clusters: what may be asked for, and the numbers that were compared."""

from typing import TYPE_CHECKING, Any

from gradlab.errors import RecipeError

if TYPE_CHECKING:
    from gradlab.cluster.choice import Choice

MOST_KS = 30
"""Numbers of clusters in one study: each is trained anew."""

MOST_RESTARTS = 1000
"""Starts for each number of clusters; a better result is hardly found after hundreds."""


def check_effort(ks: tuple[int, ...], restarts: int) -> None:
    """Refuse work that would not end in reasonable time.

    Raises:
        RecipeError: If there are too many numbers of clusters, or restarts is out of range.
    """
    if len(ks) > MOST_KS:
        raise RecipeError(
            f"k takes at most {MOST_KS} numbers at a time; got {len(ks):,}, from {min(ks)} to "
            f"{max(ks):,}. Give fewer, far apart first, as 2,5,10,20."
        )
    if restarts < 1:
        raise RecipeError(f"restarts must be at least 1; got {restarts}.")
    if restarts > MOST_RESTARTS:
        raise RecipeError(f"restarts must be at most {MOST_RESTARTS:,}; got {restarts:,}.")


def choice_content(choice: "Choice") -> dict[str, Any]:
    """Return how numbers of clusters compare, for machines."""
    elbow, silhouettes, gap = choice.elbow, choice.silhouettes, choice.gap
    return {
        "best": choice.best,
        "elbow": {
            "k": list(elbow.ks),
            "distortion": elbow.distortions,
            "best": elbow.best,
            "clear": elbow.clear,
            "confidence": elbow.confidence,
        },
        "silhouette": {
            "k": list(silhouettes.ks),
            "score": silhouettes.scores,
            "best": silhouettes.best,
        },
        "gap": {
            "k": list(gap.ks),
            "gap": gap.gaps,
            "error": gap.errors,
            "best": gap.best,
            "clear": gap.clear,
        },
    }
