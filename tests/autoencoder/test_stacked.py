"""Layer-wise training, and what it is good for."""

import jax
import numpy as np
import pytest
from sklearn.base import clone

from gradlab.autoencoder import Autoencoder, StackedAutoencoder, pretrained_layers
from gradlab.errors import RecipeError
from gradlab.estimators import MLPClassifier
from gradlab.training.network import build_network

DEEP = StackedAutoencoder(
    hidden=(48, 32, 16),
    activation="sigmoid",
    loss="reconstruction_cross_entropy",
    pretrain_epochs=15,
    fine_tune=False,
    learning_rate=0.01,
    random_state=0,
)


@pytest.fixture(scope="module")
def stacked(digits):
    return clone(DEEP).fit(digits[0])


def weights(network):
    """Return the weights of encoder and decoder, both from the input on."""
    forth = [x.weight for x in network.encoder.layers if hasattr(x, "weight")]
    back = [x.weight for x in network.decoder.layers if hasattr(x, "weight")]
    return forth, back[::-1]


@pytest.mark.catalogue("AUT-05")
class TestLayerWiseTraining:
    """Layer k is trained on the code of layer k - 1, lower ones fixed."""

    def test_a_stage_changes_its_own_layer_alone(self, stacked):
        recipe, interface = stacked.model_.recipe, stacked.model_.interface
        before = build_network(recipe, interface, seed=0, dtype=np.dtype(np.float32))
        for number, stage in enumerate(stacked.stages_):
            for old, new in zip(weights(before), weights(stage.network), strict=True):
                same = [np.array_equal(a, b) for a, b in zip(old, new, strict=True)]
                assert same == [i != number for i in range(3)]
            before = stage.network

    def test_without_fine_tuning_the_stages_are_the_network(self, stacked):
        last = stacked.stages_[-1].network
        for one, other in zip(
            jax.tree.leaves(last), jax.tree.leaves(stacked.network_), strict=True
        ):
            np.testing.assert_array_equal(one, other)

    def test_the_first_stage_is_an_autoencoder_by_itself(self, digits):
        settings = {"decoder": "tied", "learning_rate": 0.01, "random_state": 0}
        deep = StackedAutoencoder(
            hidden=(8, 4), pretrain_epochs=3, fine_tune=False, **settings
        ).fit(digits[0])
        alone = Autoencoder(hidden=(8,), epochs=3, **settings).fit(digits[0])
        np.testing.assert_array_equal(weights(alone.network_)[0][0], weights(deep.network_)[0][0])

    def test_every_stage_learns_and_sees_the_code_below(self, stacked):
        assert [stage.input_shape for stage in stacked.stages_] == [(64,), (48,), (32,)]
        for stage in stacked.stages_:
            assert stage.history[-1, 0] < stage.history[0, 0]


def test_fine_tuning_goes_on_from_the_stages(stacked, digits):
    x, _ = digits
    tuned = clone(DEEP).set_params(fine_tune=True, epochs=10).fit(x)
    anew = Autoencoder(
        **{
            name: value
            for name, value in DEEP.get_params().items()
            if name not in ("fine_tune", "pretrain_epochs", "epochs")
        },
        epochs=10,
    ).fit(x)
    assert tuned.score(x) > stacked.score(x)
    assert tuned.history_["train_loss"][0] < anew.history_["train_loss"][0]


@pytest.mark.catalogue("AUT-14")
def test_layers_trained_on_damaged_codes_withstand_noise(stacked, digits, rng):
    x, _ = digits
    denoising = clone(DEEP).set_params(corruption=("mask 0.3",)).fit(x)
    for stage in denoising.stages_:
        assert stage.recipe.augment == ("mask 0.3",)
    damaged = denoising.corrupt(x, seed=1)
    errors = [((n.reconstruct(damaged) - x) ** 2).mean() for n in (denoising, stacked)]
    assert errors[0] < 0.9 * errors[1]


@pytest.fixture(scope="module")
def curves(digits):
    """Return training loss and accuracy by epoch, of three seeds: pre-trained, and random."""
    x, y = digits
    labelled = np.arange(300)
    shared = {"epochs": 30, "learning_rate": 0.01}
    pretrained, random = [], []
    for seed in range(3):
        first = clone(DEEP).set_params(random_state=seed).fit(x)
        for network, curves in (
            (first.to_classifier(), pretrained),
            (first.to_classifier().set_params(initial=None), random),
        ):
            network.set_params(**shared, random_state=seed)
            network.fit(x[labelled], y[labelled], validation=(x[300:], y[300:]))
            curves.append(network.history_)
    return pretrained, random


class TestFineTuningWithLabels:
    """The encoder as the start of a classifier: few labels, many rows without."""

    @pytest.mark.catalogue("INI-11")
    def test_it_starts_from_a_lower_loss(self, curves):
        for pretrained, random in zip(*curves, strict=True):
            assert pretrained["train_loss"][0] < random["train_loss"][0]

    @pytest.mark.catalogue("AUT-06")
    def test_its_accuracy_is_no_lower_after_as_many_epochs(self, curves):
        for pretrained, random in zip(*curves, strict=True):
            assert pretrained["validation_score"][-1] >= random["validation_score"][-1]

    @pytest.mark.catalogue("AUT-07")
    def test_it_reaches_an_accuracy_in_no_more_epochs(self, curves):
        for pretrained, random in zip(*curves, strict=True):
            first = [
                np.argmax(curve["validation_score"] >= 0.8)
                if max(curve["validation_score"]) >= 0.8
                else np.inf
                for curve in (pretrained, random)
            ]
            assert first[0] < np.inf
            assert first[0] <= first[1]


@pytest.mark.catalogue("CMP-28")
def test_starts_are_told_apart_by_the_loss_after_as_many_epochs(stacked, digits):
    x, y = digits
    starts = {name: {"init": name} for name in ("constant", "lecun_normal", "xavier_normal")}
    starts |= {"he_normal": {"init": "he_normal"}, "pretrained": {"initial": stacked}}
    losses = {}
    for name, start in starts.items():
        network = MLPClassifier(
            hidden=(48, 32, 16),
            activation="sigmoid",
            learning_rate=0.01,
            epochs=10,
            random_state=0,
            **start,
        )
        losses[name] = network.fit(x[:300], y[:300]).history_["train_loss"][-1]
    drawn = [losses[name] for name in ("lecun_normal", "xavier_normal", "he_normal")]
    assert losses["pretrained"] < min(drawn)
    assert max(drawn) < losses["constant"]  # equal units stay equal: the network learns nothing
    assert losses["constant"] > 0.95 * np.log(10)


def test_classifiers_take_the_weights_as_pairs_or_the_autoencoder_itself(stacked, digits):
    x, y = digits
    pairs = pretrained_layers(stacked)
    assert [weight.shape for weight, _ in pairs] == [(64, 48), (48, 32), (32, 16)]
    scores = []
    for initial in (pairs, stacked, stacked.model_):
        network = MLPClassifier(
            hidden=(48, 32, 16), activation="sigmoid", initial=initial, epochs=1, random_state=0
        )
        scores.append(network.fit(x[:200], y[:200]).predict_proba(x))
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_the_classifier_may_have_more_layers(stacked):
    classifier = stacked.to_classifier(hidden=(20,))
    assert classifier.hidden == (48, 32, 16, 20)
    assert classifier.activation == ("sigmoid",) * 4


def test_stages_reproduce_codes_with_the_activation_that_made_them(digits):
    network = StackedAutoencoder(
        hidden=(8, 4), activation=("tanh", "sigmoid"), pretrain_epochs=1, fine_tune=False
    )
    first, second = network.fit(digits[0]).stages_
    assert (first.recipe.output_activation, second.recipe.output_activation) == ("linear", "tanh")


def test_convolutions_are_stacked_too(digits):
    images = digits[0].reshape(-1, 8, 8, 1)
    network = StackedAutoencoder(
        layers=("conv 4", "pool 2", "dense 16"),
        decoder="tied",
        learning_rate=0.01,
        pretrain_epochs=3,
        epochs=3,
        random_state=0,
    ).fit(images)
    assert [stage.input_shape for stage in network.stages_] == [(8, 8, 1), (4, 4, 4)]
    assert network.score(images) > 0.5


def test_what_it_refuses(digits):
    x = digits[0]
    with pytest.raises(RecipeError, match="needs decoder='mirror' or 'tied'; got 'none'"):
        StackedAutoencoder(decoder="none").fit(x)
    with pytest.raises(RecipeError, match="leave out warm_start and initial"):
        StackedAutoencoder(warm_start=True).fit(x)
