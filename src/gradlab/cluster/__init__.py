"""Clustering: groups of similar rows, without labels, and how many there may be."""

from gradlab.cluster.choice import Choice, choose_n_clusters
from gradlab.cluster.elbow import Elbow, elbow
from gradlab.cluster.frames import Frame, kmeans_frames
from gradlab.cluster.fuzzy import FuzzyKMeans, critical_beta
from gradlab.cluster.gap import Gap, gap_statistic
from gradlab.cluster.kmeans import KMeans
from gradlab.cluster.market import MarketGroups, market_groups
from gradlab.cluster.segmentation import (
    Segmentation,
    SegmentationScore,
    score_segmentation,
    segment_colours,
)
from gradlab.cluster.silhouette import Silhouettes, silhouette, silhouette_samples

__all__ = [
    "Choice",
    "Elbow",
    "Frame",
    "FuzzyKMeans",
    "Gap",
    "KMeans",
    "MarketGroups",
    "Segmentation",
    "SegmentationScore",
    "Silhouettes",
    "choose_n_clusters",
    "critical_beta",
    "elbow",
    "gap_statistic",
    "kmeans_frames",
    "market_groups",
    "score_segmentation",
    "segment_colours",
    "silhouette",
    "silhouette_samples",
]
