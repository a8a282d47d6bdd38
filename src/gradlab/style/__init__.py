"""Style transfer and feature inversion: the picture is optimised, the network stays as it is."""

from gradlab.style.builtin import builtin_network as builtin_network
from gradlab.style.content import content_gradient as content_gradient
from gradlab.style.content import content_loss as content_loss
from gradlab.style.feature_networks import feature_network as feature_network
from gradlab.style.gram import gram_matrix as gram_matrix
from gradlab.style.gram import style_loss as style_loss
from gradlab.style.inversion import InvertedFeatures as InvertedFeatures
from gradlab.style.inversion import invert_features as invert_features
from gradlab.style.job import Stand as Stand
from gradlab.style.network import FeatureNetwork as FeatureNetwork
from gradlab.style.published import published_network as published_network
from gradlab.style.result import StyledPicture as StyledPicture
from gradlab.style.transfer import transfer_style as transfer_style
from gradlab.style.variation import total_variation as total_variation
