"""Generative adversarial networks, for vectors and for pictures."""

from gradlab.generative.gan.dcgan import DCGAN
from gradlab.generative.gan.gan import GAN
from gradlab.generative.gan.losses import LOSSES, discriminator_loss, generator_loss, value
from gradlab.generative.gan.noise import PRIORS, draw_noise

__all__ = [
    "DCGAN",
    "GAN",
    "LOSSES",
    "PRIORS",
    "discriminator_loss",
    "draw_noise",
    "generator_loss",
    "value",
]
