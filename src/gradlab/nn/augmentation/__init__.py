"""Augmentation: more training data from the same, made anew at every step inside the program.

Each is a `Layer` that changes its input at random in training and returns it untouched otherwise
(but `Crop`, which then cuts the middle). The amount is a number that is traced and not trained, so
that one program serves every amount. Images are (batch, height, width, channels), pixels best
from 0 to 1: augment before they are centred and scaled.

The label stays, so the change has to leave it true; each class's `spoils` says when it does not.
The mirror image of most digits is none, and a 6 turned round is a 9.
"""

from gradlab.nn.augmentation.base import Augmentation as Augmentation
from gradlab.nn.augmentation.brightness import Brightness as Brightness
from gradlab.nn.augmentation.contrast import Contrast as Contrast
from gradlab.nn.augmentation.crop import Crop as Crop
from gradlab.nn.augmentation.crop import n_crops as n_crops
from gradlab.nn.augmentation.elastic import Elastic as Elastic
from gradlab.nn.augmentation.elastic import gaussian_matrix as gaussian_matrix
from gradlab.nn.augmentation.masking import Masking as Masking
from gradlab.nn.augmentation.mirror import Mirror as Mirror
from gradlab.nn.augmentation.parse import AUGMENTATIONS as AUGMENTATIONS
from gradlab.nn.augmentation.parse import parse_augmentation as parse_augmentation
from gradlab.nn.augmentation.parse import parse_augmentations as parse_augmentations
from gradlab.nn.augmentation.pca_colour import PcaColour as PcaColour
from gradlab.nn.augmentation.pca_colour import colour_covariance as colour_covariance
from gradlab.nn.augmentation.photometric import photometric as photometric
from gradlab.nn.augmentation.rotate import Rotate as Rotate
from gradlab.nn.augmentation.sampling import affine_warp as affine_warp
from gradlab.nn.augmentation.sampling import bilinear as bilinear
from gradlab.nn.augmentation.shear import Shear as Shear
from gradlab.nn.augmentation.translate import Translate as Translate
from gradlab.nn.augmentation.warp import Geometric as Geometric
from gradlab.nn.augmentation.warp import Warp as Warp
from gradlab.nn.augmentation.warp import merge_warps as merge_warps
from gradlab.nn.augmentation.zoom import Zoom as Zoom
