"""Cells around a recurrent cell."""

from gradlab.nn.recurrent.wrappers.attention import AttentionCellWrapper as AttentionCellWrapper
from gradlab.nn.recurrent.wrappers.attention import AttentionState as AttentionState
from gradlab.nn.recurrent.wrappers.dropout import DropoutWrapper as DropoutWrapper
from gradlab.nn.recurrent.wrappers.embedding import EmbeddingWrapper as EmbeddingWrapper
from gradlab.nn.recurrent.wrappers.highway import HighwayWrapper as HighwayWrapper
from gradlab.nn.recurrent.wrappers.projection import (
    InputProjectionWrapper as InputProjectionWrapper,
)
from gradlab.nn.recurrent.wrappers.projection import (
    OutputProjectionWrapper as OutputProjectionWrapper,
)
from gradlab.nn.recurrent.wrappers.residual import ResidualWrapper as ResidualWrapper

WRAPPERS: dict[str, type] = {
    "dropout": DropoutWrapper,
    "residual": ResidualWrapper,
    "highway": HighwayWrapper,
    "input_projection": InputProjectionWrapper,
    "output_projection": OutputProjectionWrapper,
    "embedding": EmbeddingWrapper,
    "attention": AttentionCellWrapper,
}
"""Name -> cell around another cell."""
