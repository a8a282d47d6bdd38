"""How many clusters: the numbers that were compared, as plain values."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.cluster.choice import Choice


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
