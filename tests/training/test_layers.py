"""Layers of a recipe: their texts, and the networks that they become."""

import equinox as eqx
import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradlab as gl
from gradlab.errors import RecipeError
from gradlab.nn import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS
from gradlab.nn.recurrent import CELLS
from gradlab.training.interface import Interface
from gradlab.training.layers import PRESETS, Own, parse_layer, parse_layers
from gradlab.training.network import build_network, network_table
from gradlab.training.recipe import Recipe

sizes = st.integers(1, 99) | st.tuples(st.integers(1, 9), st.integers(1, 9))
blocks = {
    "activation": st.sampled_from(list(ACTIVATIONS)),
    "norm": st.sampled_from(list(NORMALIZATIONS)),
    "init": st.sampled_from(list(INITIALIZERS)),
    "dropout": st.floats(0, 1),
    "noise": st.floats(0, 1e6),
}
windows = {
    "kernel": sizes,
    "stride": sizes,
    "padding": st.sampled_from(["same", "valid", 0, 1, 7]),
}
tables = st.one_of(
    st.fixed_dictionaries(
        {"layer": st.just("dense"), "units": st.integers(1, 999)}, optional=blocks
    ),
    st.fixed_dictionaries(
        {"layer": st.just("conv"), "filters": st.integers(1, 999)},
        optional={**blocks, **windows, "dilation": sizes, "groups": st.integers(1, 9)},
    ),
    st.fixed_dictionaries({"layer": st.just("depthwise")}, optional={**blocks, **windows}),
    st.fixed_dictionaries(
        {"layer": st.just("transposed"), "filters": st.integers(1, 9)},
        optional={**blocks, **windows},
    ),
    st.fixed_dictionaries(
        {"layer": st.just("pool"), "window": sizes},
        optional={"pooling": st.sampled_from(["max", "average", "stochastic"]), "stride": sizes},
    ),
    st.fixed_dictionaries(
        {"layer": st.just("recurrent"), "units": st.integers(1, 99)},
        optional={
            "cell": st.sampled_from(list(CELLS)),
            "bidirectional": st.booleans(),
            "outputs": st.sampled_from(["last", "sequence"]),
            "dropout": st.floats(0, 1),
        },
    ),
    st.fixed_dictionaries({"layer": st.just("time"), "take": st.sampled_from(["last", "max"])}),
    st.fixed_dictionaries({"layer": st.just("reshape"), "shape": st.just((4, 4, 2))}),
)


@given(tables)
def test_a_layer_comes_back_from_its_text(table):
    (layer,) = parse_layers([table])
    assert parse_layer(layer.text()) == layer


@given(
    st.lists(st.text(max_size=20) | st.sampled_from(["conv", "3x3", "dense 1", "stride"]).map(str))
)
def test_no_other_error_escapes_from_texts(lines):
    said = "layer "
    try:
        parse_layers(lines)
    except RecipeError as error:
        said = str(error)
    assert said.startswith("layer ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cnv 32", "Unknown layer 'cnv'. Did you mean 'conv'?"),
        ("conv", "expected filters after 'conv'; got the end of the line."),
        ("conv big", "expected filters after 'conv'; got 'big'."),
        ("conv 32 stride", "'stride' at the end of the line lacks its value."),
        ("conv 32 stride fast", "'stride' can't be 'fast'."),
        ("conv 32 3x3 padding some", "'padding' can't be 'some'."),
        ("dense 32 rellu", "Unknown option of 'dense' 'rellu'. Did you mean 'relu'?"),
        ("dense 0", "units: input should be greater than or equal to 1; got 0."),
        ("dense 8 norm bach", "Unknown norm 'bach'. Did you mean 'batch'?"),
        ("pool", "expected window after 'pool'"),
        ("recurrent 8 cell gruu", "Unknown cell 'gruu'. Did you mean 'gru'?"),
        ("own os:getcwdd", "can't be imported"),
    ],
)
def test_a_mistake_says_what_may_stand_there(line, message):
    with pytest.raises(RecipeError) as caught:
        parse_layers(["dense 4", line])
    assert str(caught.value).startswith(f"layer 2, '{line}': ")
    assert message in str(caught.value)


class TestJoining:
    def test_a_line_with_a_part_belongs_to_the_layer_before(self):
        lines = ["conv 8 3x3", "norm batch", "relu", "dropout 0.5", "pool 2"]
        assert [x.text() for x in parse_layers(lines)] == [
            "conv 8 3x3 norm batch relu dropout 0.5",
            "pool 2",
        ]

    def test_unless_that_would_change_the_order_written(self):
        lines = ["dense 8 relu", "norm batch", "dropout 0.5", "relu"]
        assert [x.text() for x in parse_layers(lines)] == [
            "dense 8 relu",
            "norm batch",
            "dropout 0.5",
            "relu",
        ]

    def test_or_there_is_none_that_can_take_it(self):
        assert [x.text() for x in parse_layers(["dropout 0.2", "pool 2", "relu"])] == [
            "dropout 0.2",
            "pool 2",
            "relu",
        ]


class TestShapes:
    IMAGE = Interface((8, 8, 1), 3)
    SEQUENCE = Interface((7, 2), 3)

    @pytest.mark.parametrize("name", PRESETS)
    def test_every_named_network_fits_what_it_is_for(self, name):
        interface = {
            "lenet": self.IMAGE,
            "vgg": self.IMAGE,
            "recurrent": self.SEQUENCE,
            "text": Interface((7,), 3, n_tokens=20, padded=True),
            "bag": Interface((7,), 3, n_tokens=20, padded=True),
            "linear": self.IMAGE,
        }[name]
        assert network_table(Recipe(layers=name), interface)[-1].output_shape == (3,)

    @pytest.mark.parametrize(
        ("layers", "interface", "message"),
        [
            (
                ["pool 2", "pool 2", "conv 4 5x5 padding valid"],
                IMAGE,
                "layer 3, 'conv 4 5x5 padding valid', given 2x2x1: A 5x5 kernel does not fit",
            ),
            (["conv 4"], Interface((5,), 3), "layer 1, 'conv 4', given 5: 'conv' takes images or"),
            (["conv 4 3x3"], SEQUENCE, "kernel must be one number; got (3, 3)"),
            (["pool stochastic 2"], SEQUENCE, "stochastic pooling is for images; sequences have"),
            (["transposed 4 2"], SEQUENCE, "a transposed convolution is for images"),
            (["reshape 4x4"], IMAGE, "4x4 holds another count of numbers"),
            (["embedding 4"], SEQUENCE, "an embedding takes tokens; these inputs are numbers"),
            (["dense 4"], Interface((7,), 2, n_tokens=9), "Begin with 'embedding 32'"),
            (
                ["flatten", "dense 4"],
                Interface((7, 2), 3, padded=True),
                "'flatten' needs sequences of one length, and these differ. Put 'time mean'",
            ),
            (["conv 4 groups 3"], IMAGE, "groups"),
        ],
    )
    def test_a_layer_that_does_not_fit_is_named_with_what_came(self, layers, interface, message):
        with pytest.raises(RecipeError) as caught:
            network_table(Recipe(layers=layers), interface)
        assert message in str(caught.value)

    def test_augmentation_is_for_images(self):
        with pytest.raises(RecipeError, match=r"changes images; these examples have shape 7x2"):
            network_table(Recipe(layers=["recurrent 3"], augment=["mirror"]), self.SEQUENCE)

    @pytest.mark.parametrize(
        ("layers", "interface"),
        [
            (["conv 4 stride 2", "depthwise 3x3", "local 2 3x3", "global max"], IMAGE),
            (["transposed 4 2x2 stride 2", "upsample 2", "pool 2", "norm group"], IMAGE),
            (["gru 5 bidirectional", "dense 4", "lstm 3"], SEQUENCE),
            (["conv 4 3", "pool 2", "dense 5"], SEQUENCE),
            (["recurrent 4"], IMAGE),
            (["embedding 4", "gru 5"], Interface((7,), 9, n_tokens=9, per_step=True)),
            (["conv 4", "pool 2"], Interface((8, 8, 1), 64, reconstructs=True)),
            (["dense 3"], Interface((8, 8, 1), 64, reconstructs=True)),
        ],
    )
    def test_the_table_tells_the_shape_that_comes_out_and_every_parameter(self, layers, interface):
        recipe = Recipe(layers=layers)
        network = build_network(recipe, interface, seed=0)
        tokens = interface.n_tokens is not None
        x = np.zeros((2, *interface.input_shape), np.int32 if tokens else np.float32)
        y, _ = jax.jit(lambda x: network(x, network.initial_state()))(x)
        table = network_table(recipe, interface)
        assert y.shape[1:] == table[-1].output_shape
        trained = eqx.filter(network, gl.nn.trainable(network))
        assert sum(row.n_parameters for row in table) == sum(map(np.size, jax.tree.leaves(trained)))


def dense_of_equinox(input_shape, weights):
    """A user's own module, written for one example."""
    n_in = input_shape[-1]
    linear = eqx.nn.Linear(n_in, 6, key=jax.random.key(0))
    weight = weights((6, n_in), n_in, 6)
    return gl.per_example(eqx.tree_at(lambda module: module.weight, linear, weight))


class TestOwnModules:
    def test_train_like_ours_and_come_back_from_a_file(self, tmp_path):
        recipe = Recipe(layers=["dense 8", Own(factory=dense_of_equinox)], epochs=30)
        fitted = gl.train("digits", recipe)
        assert fitted.validation_score > 0.6
        assert Recipe(**recipe.to_dict()) == recipe
        features = gl.load_dataset("digits").features
        inputs = fitted.model.inputs(features)
        loaded = gl.load_model(fitted.model.save(tmp_path / "m.safetensors"))
        assert (loaded.predict(inputs) == fitted.model.predict(inputs)).all()

    def test_take_seed_and_initialiser_from_the_recipe(self):
        recipe = Recipe(layers=[Own(factory=dense_of_equinox)], init="zeros")
        network = build_network(recipe, Interface((4,), 2), seed=0)
        assert not np.asarray(network.layers[0].module.weight).any()

    def test_that_no_import_finds_are_refused_only_by_files(self):
        def local(input_shape, weights):
            return dense_of_equinox(input_shape, weights)

        recipe = Recipe(layers=[Own(factory=local)])
        assert network_table(recipe, Interface((4,), 2))[0].output_shape == (6,)
        with pytest.raises(RecipeError, match="can't be imported by its name"):
            recipe.to_dict()

    def test_that_fail_on_a_batch_say_so(self):
        recipe = Recipe(layers=[Own(factory=lambda shape, weights: lambda row: row)])
        with pytest.raises(RecipeError, match=r"calling it on a batch of shape \(2, 4\) failed"):
            network_table(recipe, Interface((4,), 2))
