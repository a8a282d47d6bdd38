"""Published weights give the answers they are known for; needs GRADLAB_DATA, a folder of them."""

import os
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from PIL import Image

from gradlab.nn.architectures import ARCHITECTURES, imagenet_input, normalized
from gradlab.nn.loading import load_weights

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])
SQUEEZENET = FOLDER / "squeezenet-v1.1" / "squeezenet_v1.1.safetensors"
RESNET = FOLDER / "resnet20-cifar10" / "resnet20_cifar10.safetensors"


@eqx.filter_jit
def scores(network, state, x):
    return network(x, state)[0]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("photo", "words", "least"),
    [("coffee", {"espresso"}, 0.9), ("chelsea", {"tabby", "tiger cat", "Egyptian cat"}, 0.9)],
)
def test_squeezenet_knows_the_photos(photo, words, least, named):
    architecture = ARCHITECTURES["squeezenet"]
    names = architecture.names if named else None
    network, state = load_weights(architecture.create(seed=None), SQUEEZENET, names)
    picture = Image.open(FOLDER / "photos" / f"{photo}.png")
    x = imagenet_input(picture, size=227, convention="caffe")
    probabilities = np.asarray(jax.nn.softmax(scores(network, state, x)))[0]
    lines = (SQUEEZENET.parent / "synset_words.txt").read_text().splitlines()
    classes = [line.partition(" ")[2].split(",")[0] for line in lines]
    known = [i for i, name in enumerate(classes) if name in words]
    assert classes[probabilities.argmax()] in words
    assert probabilities[known].sum() > least


def test_resnet20_classifies_the_test_images_as_its_source_says():
    architecture = ARCHITECTURES["resnet20"]
    network, state = load_weights(architecture.create(seed=None), RESNET, architecture.names)
    sheet = Image.open(FOLDER / "cifar10-subset" / "cifar10_batch_50.png").convert("RGB")
    images = np.asarray(sheet).reshape(1000, 32, 32, 3)
    labels = np.loadtxt(FOLDER / "cifar10-subset" / "labels_test.txt", dtype=int).ravel()
    right = np.asarray(scores(network, state, normalized(images))).argmax(axis=1) == labels
    # 91.7 % of all 10 000 are stated; the standard error of 1 000 is 0.9 points.
    assert right.mean() == pytest.approx(0.915, abs=0.001)
