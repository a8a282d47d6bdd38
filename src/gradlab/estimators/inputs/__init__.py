"""What a row of X may be: numbers, an image, a sequence, a text."""

from gradlab.estimators.inputs.images import TakesImages
from gradlab.estimators.inputs.rows import TakesRows
from gradlab.estimators.inputs.sequences import TakesSequences
from gradlab.estimators.inputs.texts import TakesTexts

__all__ = ["TakesImages", "TakesRows", "TakesSequences", "TakesTexts"]
