"""Text: texts with one answer each, and long texts to learn the next token of."""

from gradlab.data.text.arrays import text_dataset as text_dataset
from gradlab.data.text.arrays import text_features as text_features
from gradlab.data.text.next_token import in_vocabulary as in_vocabulary
from gradlab.data.text.next_token import next_token_dataset as next_token_dataset
from gradlab.data.text.preprocessor import TextPreprocessor as TextPreprocessor
from gradlab.data.text.vocabulary import PADDING as PADDING
from gradlab.data.text.vocabulary import UNKNOWN as UNKNOWN
from gradlab.data.text.vocabulary import Vocabulary as Vocabulary
