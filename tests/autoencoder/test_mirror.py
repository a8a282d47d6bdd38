"""Decoders that undo an encoder layer by layer, with its weights or their own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import RecipeError
from gradlab.nn import Dense, Sequential, n_parameters
from gradlab.nn.encoder_decoder import EncoderDecoder, Tied
from gradlab.training.interface import Interface
from gradlab.training.network import build_network, network_table
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import supervised

IMAGE = Interface((9, 7, 2), 126, reconstructs=True)
ROW = Interface((6,), 6, reconstructs=True)
ENCODERS = (
    ["dense 5"],
    ["conv 3 3x3", "dense 4"],
    ["conv 3 3x3 stride 2", "conv 4 3x3 stride 2 padding valid"],
    ["conv 4 2x3 stride 3x2 padding 1 dilation 1 norm batch", "conv 6 3x3 groups 2"],
    ["depthwise 3x3 stride 2", "flatten", "dense 4 dropout 0.5"],
)


def outputs(network, x):
    return network(x, network.initial_state())[0]


@pytest.mark.parametrize("decoder", ["mirror", "tied"])
@pytest.mark.parametrize("layers", ENCODERS, ids=lambda layers: ", ".join(layers))
def test_it_leads_back_to_the_shape_of_the_input(layers, decoder, rng):
    recipe = Recipe(layers=layers, decoder=decoder)
    network = build_network(recipe, IMAGE, seed=0)
    x = rng.normal(size=(2, 9, 7, 2)).astype(np.float32)
    code, _ = network.encode(x, network.initial_state())
    table = network_table(recipe, IMAGE)
    assert code.shape[1:] == table[len(layers) - 1].output_shape
    assert outputs(network, x).shape == x.shape
    assert table[-1].output_shape == (9, 7, 2)
    assert sum(row.n_parameters for row in table) == n_parameters(network)


def test_pooling_is_answered_by_repeated_pixels():
    interface = Interface((8, 4, 1), 32, reconstructs=True)
    recipe = Recipe(layers=["conv 2", "pool 2", "conv 3", "pool 2"], activation="tanh")
    network = build_network(recipe, interface, seed=0)
    names = [type(layer).__name__ for layer in network.decoder.layers]
    assert names == [
        "Upsample2D",
        "TransposedConv2D",
        "Upsample2D",
        "Activation",
        "TransposedConv2D",
    ]
    assert outputs(network, np.zeros((1, 8, 4, 1), np.float32)).shape == (1, 8, 4, 1)


@pytest.mark.catalogue("AUT-02")
class TestTiedWeights:
    """W' = Wᵀ."""

    def test_they_halve_the_number_of_weights(self):
        free = build_network(Recipe(hidden=(50, 20)), ROW, seed=0)
        tied = build_network(Recipe(hidden=(50, 20), decoder="tied"), ROW, seed=0)
        n_weights, n_biases = 6 * 50 + 50 * 20, 50 + 20 + 50 + 6
        assert n_parameters(free) == 2 * n_weights + n_biases
        assert n_parameters(tied) == n_weights + n_biases

    @pytest.mark.parametrize(
        ("layers", "interface"),
        [(["dense 4 tanh"], ROW), (["conv 3 3x3 stride 2 tanh", "dense 4 tanh"], IMAGE)],
        ids=["dense", "convolution"],
    )
    def test_the_gradient_is_the_sum_of_both_ways(self, layers, interface, rng, float64):
        network = build_network(
            Recipe(layers=layers, decoder="tied"), interface, seed=1, dtype=np.dtype(float)
        )
        x = rng.normal(size=(3, *interface.input_shape))
        # The same function with a copy of every weight for the decoder alone.
        copied = eqx.tree_at(
            lambda n: n.decoder, network, network.untied_decoder(), is_leaf=lambda n: n is None
        )

        def loss(network):
            return jnp.sum((outputs(network, x) - x) ** 2)

        both, apart = jax.grad(loss)(network), jax.grad(loss)(copied)
        positions = [i for i, x in enumerate(network.encoder.layers) if hasattr(x, "weight")]
        backward = [x for x in apart.decoder.layers if hasattr(x, "weight")][::-1]
        assert float(loss(network)) == pytest.approx(float(loss(copied)), rel=1e-12)
        for position, way_back in zip(positions, backward, strict=True):
            back = way_back.weight.T if isinstance(way_back, Dense) else way_back.weight
            expected = apart.encoder.layers[position].weight + back
            np.testing.assert_allclose(
                both.encoder.layers[position].weight, expected, rtol=1e-10, atol=1e-12
            )

    @pytest.mark.peers
    def test_a_dense_one_has_the_gradient_of_pytorch(self, rng, float64):
        import torch

        network = build_network(
            Recipe(hidden=(4,), activation="sigmoid", decoder="tied"),
            ROW,
            seed=2,
            dtype=np.dtype(float),
        )
        x = rng.uniform(size=(5, 6))
        ours = jax.grad(lambda n: jnp.sum((outputs(n, x) - x) ** 2))(network)
        weight = torch.tensor(np.array(network.encoder.layers[0].weight), requires_grad=True)
        target = torch.tensor(x)
        ((torch.sigmoid(target @ weight) @ weight.T - target) ** 2).sum().backward()
        np.testing.assert_allclose(ours.encoder.layers[0].weight, weight.grad, rtol=1e-10)


def test_transposed_convolutions_are_the_transposes_of_the_encoders():
    recipe = Recipe(
        layers=["conv 3 3x3 stride 2"], activation="linear", decoder="tied", init="he_normal"
    )
    network = build_network(recipe, IMAGE, seed=3)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, 9, 7, 2)), rng.normal(size=(1, 5, 4, 3))
    forth = network.encode(jnp.asarray(x), network.initial_state())[0]
    back = network.decode(jnp.asarray(y), network.initial_state())[0]
    # ⟨A x, y⟩ = ⟨x, Aᵀ y⟩; all biases are zero yet.
    assert float((forth * y).sum()) == pytest.approx(float((back * x).sum()), rel=1e-4)


class TestErrors:
    """What has no mirror image, and who takes none."""

    @pytest.mark.parametrize("layer", ["local 2 3x3", "global average"])
    def test_a_layer_without_mirror_image_is_named(self, layer):
        with pytest.raises(RecipeError, match="has no mirror image"):
            build_network(Recipe(layers=["conv 2", layer, "dense 3"]), IMAGE, seed=0)

    def test_a_pooling_that_leaves_pixels_out_can_not_be_undone(self):
        with pytest.raises(RecipeError, match=r"pooling 9x7x2 gives 4x3x2.*make 8x6x2"):
            build_network(Recipe(layers=["conv 2", "pool 2"]), IMAGE, seed=0)

    def test_an_autoencoder_has_an_encoder(self):
        with pytest.raises(RecipeError, match="needs an encoder"):
            build_network(Recipe(hidden=()), ROW, seed=0)

    def test_a_crop_can_not_be_undone(self):
        with pytest.raises(RecipeError, match="leads back to 5x5x2, but the input has 9x7x2"):
            build_network(Recipe(hidden=(3,), augment=("crop 0 5x5",)), IMAGE, seed=0)

    def test_decoders_are_names_or_layers(self):
        with pytest.raises(RecipeError, match="decoder must be 'mirror', 'tied', 'none' or a list"):
            Recipe(decoder="mirrored")

    @pytest.mark.parametrize(
        "setting", [{"decoder": "tied"}, {"output_activation": "tanh"}, {"sparsity": 0.1}]
    )
    def test_classifiers_take_no_setting_of_autoencoders(self, setting):
        recipe = Recipe(hidden=(3,), activation="sigmoid", **setting)
        with pytest.raises(RecipeError, match=f"{next(iter(setting))} is for autoencoders"):
            supervised(recipe, Interface((6,), 3), kind="multiclass", dtype=np.float32)

    def test_the_cross_entropy_brings_its_own_output_activation(self):
        recipe = Recipe(loss="reconstruction_cross_entropy", output_activation="sigmoid")
        with pytest.raises(RecipeError, match="has its sigmoid inside"):
            supervised(recipe, ROW, kind="reconstruction", dtype=np.float32)


def test_layers_of_ones_own_make_the_decoder():
    recipe = Recipe(hidden=(3,), decoder=["dense 7 relu", "dense 5"], activation="tanh")
    table = network_table(recipe, ROW)
    assert [row.layer for row in table] == [
        "dense 3",
        "decoder dense 7 relu",
        "decoder dense 5",
        "output 6",
    ]
    assert Recipe(**recipe.to_dict()) == recipe


def test_masks_of_the_decoder_do_not_depend_on_the_depth_of_the_encoder(rng):
    from gradlab.nn import Dropout, row_key

    drop = Sequential((Dropout(rate=0.5),))
    shallow = EncoderDecoder(Sequential(()), drop)
    deep = EncoderDecoder(Sequential((Dense(np.eye(4)), Dense(np.eye(4)))), drop)
    x = jnp.asarray(rng.normal(size=(3, 4)))
    key = row_key(0, 0, jnp.arange(3))
    one, other = (n(x, n.initial_state(), key=key, training=True)[0] for n in (shallow, deep))
    np.testing.assert_array_equal(np.asarray(one) == 0, np.asarray(other) == 0)


def test_a_tied_layer_keeps_only_its_bias():
    tied = build_network(Recipe(hidden=(4,), decoder="tied"), ROW, seed=0).decoder.layers[-1]
    assert isinstance(tied, Tied)
    assert [leaf.shape for leaf in jax.tree.leaves(tied)] == [(6,)]
