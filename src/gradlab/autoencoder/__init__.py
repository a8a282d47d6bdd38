"""Autoencoders: networks that reproduce their input through a code of it."""

from gradlab.autoencoder.autoencoder import Autoencoder as Autoencoder
from gradlab.autoencoder.maximizing import linear_maximizers as linear_maximizers
from gradlab.autoencoder.maximizing import maximizing_inputs as maximizing_inputs
from gradlab.autoencoder.pretraining import pretrained_layers as pretrained_layers
from gradlab.autoencoder.stacked import StackedAutoencoder as StackedAutoencoder
from gradlab.autoencoder.stacked import Stage as Stage
