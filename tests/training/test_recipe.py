import math

import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.errors import RecipeError
from gradlab.nn.activations import ACTIVATIONS
from gradlab.nn.initializers import INITIALIZERS
from gradlab.nn.losses import LOSSES
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.optim import OPTIMIZERS
from gradlab.optim.schedules import SCHEDULES
from gradlab.training.layers import Dense
from gradlab.training.recipe import Recipe

FAMILIES = {
    "activation": ACTIVATIONS,
    "norm": NORMALIZATIONS,
    "init": INITIALIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
}


def refused(**fields) -> str:
    """Return the message with which a recipe refuses its fields."""
    with pytest.raises(RecipeError) as caught:
        Recipe(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("hidden", [(), (1,), [64, 64], (100_000,)], [(0,), (-3,), (1.5,), (100_001,), 64, "abc"]),
        ("dropout", [0, 0.5, 1], [-0.1, 1.1, math.nan, "much", None]),
        ("noise", [0, 3.5], [-0.1, math.inf, math.nan]),
        ("input_noise", [0, 3.5], [-0.1, math.inf]),
        ("learning_rate", [None, 1e-9, 10**6], [0, -0.1, math.inf, math.nan, 10**400, "fast"]),
        ("warmup_epochs", [0, 0.5, 30], [-1, 30.5, math.inf]),
        ("l1", [0, 2.0], [-1e-9, math.inf]),
        ("l2", [0, 2.0], [-1e-9, math.nan]),
        ("weight_decay", [None, 0, 0.1], [-0.1, math.inf]),
        ("clip_value", [None, 0.1], [0, -1, math.inf]),
        ("clip_norm", [None, 0.1], [0, -1, math.nan]),
        ("batch_size", [1, 10**9, "full"], [0, -1, 2.5, "all", None]),
        ("shuffle", [True, False], ["perhaps", 3, None]),
        ("epochs", [1, 1_000_000], [0, -5, 2.5, 1_000_001, None]),
        ("patience", [None, 1, 29], [0, -1, 30, 1.5]),
        ("class_weight", [None, "balanced"], ["equal", 1]),
        ("parameters", [{}, {"optimizer.beta1": 0}], [None, 3, {3: 4}, {"optimizer.beta1": []}]),
    ],
)
def test_ranges(field, inside, outside):
    for value in inside:
        Recipe(**{field: value})
    for value in outside:
        message = refused(**{field: value})
        assert field in message
        assert message.endswith(".")
        assert "\n" not in message


@pytest.mark.parametrize("field", FAMILIES)
def test_every_technique_is_known_in_any_case(field):
    for name in FAMILIES[field]:
        assert getattr(Recipe(**{field: name.upper()}), field) == name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"dropuot": 0.1},
            "Unknown recipe field 'dropuot'. Did you mean 'dropout'? Known: hidden,",
        ),
        ({"optimizer": "addam"}, "Unknown optimizer 'addam'. Did you mean 'adam'? Known: sgd,"),
        ({"activation": "rellu"}, "Unknown activation 'rellu'. Did you mean 'relu'?"),
        ({"activation": ["relu", "tahn"]}, "Unknown activation 'tahn'. Did you mean 'tanh'?"),
        ({"norm": "bacth"}, "Unknown norm 'bacth'. Did you mean 'batch'?"),
        ({"init": "he_norm"}, "Unknown init 'he_norm'. Did you mean 'he_normal'?"),
        ({"schedule": "cosin"}, "Unknown schedule 'cosin'. Did you mean 'cosine'?"),
        ({"loss": "square_error"}, "Unknown loss 'square_error'. Did you mean 'squared_error'?"),
        ({"optimizer": 3}, "optimizer must be a name; got 3. Known: sgd,"),
        ({"dropout": 1.5}, "dropout: input should be less than or equal to 1; got 1.5."),
        (
            {"batch_size": 0},
            "batch_size: input should be greater than or equal to 1, or input should be 'full';",
        ),
        ({"patience": 30}, "patience=30 never stops a run of epochs=30; give fewer, or"),
        ({"warmup_epochs": 40}, "warmup_epochs=40 is longer than epochs=30."),
        (
            {"activation": ("relu", "tanh")},
            "activation names 2 layers, but the network has 1 hidden layers; give one name for all",
        ),
        (
            {"layers": [{"unit": 3}]},
            "layer 1, dense: units: field required; got {'unit': 3}. Unknown dense field 'unit'.",
        ),
        ({"layers": [{"units": 0}]}, "layer 1, dense: units: input should be greater than or"),
        ({"layers": ["dens 3"]}, "layer 1, 'dens 3': Unknown layer 'dens'. Did you mean 'dense'?"),
        ({"layers": [3]}, "layer 1: expected a text such as 'dense 64'; got 3."),
        ({"layers": {"units": 3}}, "layers must be the name of a network or a list, one layer a"),
        ({"layers": "lenett"}, "Unknown network 'lenett'. Did you mean 'lenet'?"),
    ],
)
def test_message(fields, message):
    assert refused(**fields).startswith(message)


def test_a_message_is_short_whatever_came():
    assert len(refused(hidden="x" * 10_000)) < 200
    assert len(refused(learning_rate=10**400)) < 200
    assert "bits" in refused(learning_rate=10**5000)


def test_two_mistakes_are_two_sentences():
    message = refused(dropout=2, epochs=0)
    assert message == (
        "dropout: input should be less than or equal to 1; got 2. "
        "epochs: input should be greater than or equal to 1; got 0."
    )


def test_a_layer_by_itself_refuses_like_a_recipe():
    with pytest.raises(RecipeError, match=r"^units: input should be greater than or equal to 1"):
        Dense(units=0)


class TestParameters:
    def test_reach_the_numbers(self):
        numbers = Recipe(parameters={"optimizer.beta1": 0.95}).hyper()
        assert numbers["optimizer.beta1"] == 0.95
        assert numbers["optimizer.beta2"] == 0.999

    @pytest.mark.parametrize(
        ("fields", "key", "value", "message"),
        [
            ({}, "optimizer.beta1", 1.0, "optimizer.beta1 of adam must be >= 0 and < 1; got 1.0."),
            (
                {},
                "optimizer.beta1",
                -0.1,
                "optimizer.beta1 of adam must be >= 0 and < 1; got",
            ),
            (
                {},
                "optimizer.beta1",
                "x",
                "optimizer.beta1 of adam must be a finite number; got 'x'",
            ),
            ({}, "optimizer.beta1", True, "optimizer.beta1 of adam must be a finite number; got"),
            ({}, "optimizer.beta1", 10**400, "optimizer.beta1 of adam must be a finite number"),
            ({}, "optimizer.beta", 0.5, "'adam' has no parameter 'beta'. Did you mean 'beta2'? It"),
            ({}, "optimizer.momentum", 0.5, "'adam' has no parameter 'momentum'. It has: beta1,"),
            ({}, "optimizer.", 0.5, "Unknown parameter 'optimizer.'. A parameter is written fam"),
            ({}, "beta1", 0.5, "Unknown parameter 'beta1'. A parameter is written family.name"),
            ({}, "optim.beta1", 0.5, "Unknown parameter 'optim.beta1'. A parameter is written"),
            ({}, "norm.epsilon", 0.5, "'none' has no parameter 'epsilon'. It has: none."),
            (
                {},
                "optimizer.epsilon_placement",
                "under",
                "optimizer.epsilon_placement of adam must be 'inside' or 'outside'; got 'under'.",
            ),
            ({"norm": "group"}, "norm.groups", "x", "norm.groups of group must be int or None"),
            ({"norm": "group"}, "norm.groups", 2.5, "norm.groups of group must be int or None"),
            ({"norm": "batch"}, "norm.epsilon", 0, "norm.epsilon of batch must be > 0; got 0."),
            (
                {"activation": "prelu"},
                "activation.per_unit",
                3,
                "activation.per_unit of prelu must",
            ),
            (
                {"schedule": "step_decay"},
                "schedule.every",
                1.5,
                "schedule.every of step_decay must be a whole number; got 1.5.",
            ),
            (
                {"schedule": "step_decay"},
                "schedule.every",
                0,
                "schedule.every of step_decay must be",
            ),
            ({"init": "small_normal"}, "init.std", 0, "init.std of small_normal must be > 0; got"),
        ],
    )
    def test_message(self, fields, key, value, message):
        assert refused(**fields, parameters={key: value}).startswith(message)

    def test_of_any_layer_are_allowed(self):
        recipe = Recipe(
            layers=(Dense(units=3, activation="elu"), Dense(units=2, norm="group")),
            parameters={"activation.alpha": 0.5, "norm.groups": 1},
        )
        assert recipe.parameters == {"activation.alpha": 0.5, "norm.groups": 1}

    def test_weight_decay_of_an_optimizer_that_has_its_own(self):
        assert Recipe(optimizer="adamw").hyper()["optimizer.weight_decay"] == 0.01
        numbers = Recipe(optimizer="adamw", weight_decay=0.3).hyper()
        assert numbers["optimizer.weight_decay"] == 0.3
        assert "weight_decay" not in numbers  # not decayed twice
        assert Recipe(weight_decay=0.3).hyper()["weight_decay"] == 0.3


class TestReplace:
    def test_changes_fields_and_parameters(self):
        recipe = Recipe(parameters={"optimizer.beta1": 0.8})
        other = recipe.replace(dropout=0.5, **{"optimizer.beta2": 0.99})
        assert other.dropout == 0.5
        assert other.parameters == {"optimizer.beta1": 0.8, "optimizer.beta2": 0.99}
        assert recipe == Recipe(parameters={"optimizer.beta1": 0.8})  # the original stays

    def test_parameters_go_with_their_technique(self):
        recipe = Recipe(
            activation="elu", parameters={"optimizer.beta1": 0.8, "activation.alpha": 0.5}
        )
        assert recipe.replace(optimizer="sgd").parameters == {"activation.alpha": 0.5}
        assert recipe.replace(optimizer="adam").parameters == recipe.parameters

    def test_the_learning_rate_goes_with_its_optimizer(self):
        recipe = Recipe(optimizer="adam", learning_rate=0.02)
        assert recipe.replace(optimizer="sgd").rate() == OPTIMIZERS["sgd"].learning_rate
        assert recipe.replace(optimizer="sgd", learning_rate=0.5).rate() == 0.5
        assert recipe.replace(dropout=0.1).rate() == 0.02

    def test_whole_parameters_replace_the_old(self):
        recipe = Recipe(parameters={"optimizer.beta1": 0.8})
        other = recipe.replace(parameters={"optimizer.beta2": 0.9}, **{"optimizer.epsilon": 1e-6})
        assert other.parameters == {"optimizer.beta2": 0.9, "optimizer.epsilon": 1e-6}

    def test_refuses_like_a_new_recipe(self):
        with pytest.raises(RecipeError, match=r"field 'epoch'\. Did you mean 'epochs'"):
            Recipe().replace(epoch=3)
        with pytest.raises(RecipeError, match="'sgd' has no parameter 'beta1'"):
            Recipe().replace(optimizer="sgd", **{"optimizer.beta1": 0.9})


class TestLayers:
    def test_hidden_is_short_for_dense_layers(self):
        short = Recipe(hidden=(5, 3), activation="tanh", norm="layer", dropout=0.1, noise=0.2)
        named = Recipe(
            layers=(Dense(units=5), Dense(units=3)),
            activation="tanh",
            norm="layer",
            dropout=0.1,
            noise=0.2,
        )
        assert short.specs() == named.specs()
        assert short.structure() == named.structure()
        assert short.specs()[1] == Dense(
            units=3, activation="tanh", norm="layer", init="he_normal", dropout=0.1, noise=0.2
        )

    def test_a_layer_overrides_the_recipe(self):
        own = Dense(units=2, activation="elu", norm="batch", init="zeros", dropout=0.0, noise=1.0)
        recipe = Recipe(layers=(own, Dense(units=3)), dropout=0.4, norm="layer")
        first, second = recipe.specs()
        assert first == own  # a 0 is an answer, not a gap
        assert (second.dropout, second.norm, second.activation) == (0.4, "layer", "relu")

    def test_one_activation_for_each_layer(self):
        recipe = Recipe(hidden=(4, 4), activation=("tanh", "relu"))
        assert [layer.activation for layer in recipe.specs()] == ["tanh", "relu"]

    def test_a_network_without_layers_is_linear(self):
        assert Recipe(layers=()).specs() == ()
        assert Recipe(hidden=()).specs() == ()


BASE = Recipe(hidden=(8, 8), optimizer="momentum", dropout=0.2, l2=0.1, noise=0.1)


class TestStructure:
    @pytest.mark.parametrize(
        "change",
        [
            {"learning_rate": 0.5},
            {"optimizer.momentum": 0.5},
            {"dropout": 0.5},
            {"noise": 3.0},
            {"l2": 0.3},
            {"schedule": "cosine"},
            {"warmup_epochs": 2},
            {"init": "xavier_uniform"},
            {"init": "small_normal", "init.std": 0.3},
            {"epochs": 7},
        ],
        ids=str,
    )
    def test_numbers_share_a_group(self, change):
        assert BASE.replace(**change).structure() == BASE.structure()

    @pytest.mark.parametrize(
        "change",
        [
            {"dropout": 0},
            {"noise": 0},
            {"input_noise": 0.1},
            {"l2": 0},
            {"l1": 0.1},
            {"weight_decay": 0.1},
            {"clip_norm": 1.0},
            {"clip_value": 1.0},
            {"hidden": (8, 9)},
            {"hidden": (8,)},
            {"activation": "tanh"},
            {"activation": ("relu", "tanh")},
            {"norm": "batch"},
            {"optimizer": "sgd"},
            {"batch_size": 16},
            {"loss": "cross_entropy"},
        ],
        ids=str,
    )
    def test_another_computation_is_another_group(self, change):
        assert BASE.replace(**change).structure() != BASE.structure()

    def test_numbers_of_layers_share_a_group_once_given(self):
        recipes = [
            Recipe(activation="leaky_relu", parameters={"activation.slope": slope})
            for slope in (0.1, 0.3)
        ]
        assert recipes[0].structure() == recipes[1].structure()
        assert recipes[0].structure() != Recipe(activation="leaky_relu").structure()

    def test_choices_of_a_technique_do_not_share_a_group(self):
        inside = Recipe(parameters={"optimizer.epsilon_placement": "inside"})
        assert inside.structure() != Recipe().structure()
        assert "optimizer.epsilon_placement" not in inside.hyper()
        groups = [Recipe(norm="group", parameters={"norm.groups": g}).structure() for g in (2, 4)]
        assert groups[0] != groups[1]

    def test_equal_structures_have_the_same_numbers(self):
        for change in ({"learning_rate": 0.5}, {"l2": 0.3}, {"dropout": 0.5}):
            assert BASE.replace(**change).hyper().keys() == BASE.hyper().keys()

    def test_a_transformation_of_ones_own_is_a_group_by_itself(self):
        one, two = optax.sgd(0.1), optax.sgd(0.2)
        assert Recipe(optimizer=one).structure() == Recipe(optimizer=one, l2=0).structure()
        assert Recipe(optimizer=one).structure() != Recipe(optimizer=two).structure()

    def test_equal_recipes_are_one_key(self):
        assert {Recipe(): 1}[Recipe(epochs=30, hidden=[64])] == 1
        assert Recipe(l1=0.1) != Recipe(l1=0.2)


class TestToDict:
    @pytest.mark.parametrize(
        "recipe",
        [
            Recipe(),
            BASE,
            Recipe(hidden=()),
            Recipe(layers=()),
            Recipe(hidden=(3, 4), activation=("relu", "tanh"), batch_size="full"),
            Recipe(layers=(Dense(units=3, dropout=0.0), Dense(units=4, norm="batch"))),
            Recipe(optimizer="adamw", weight_decay=0.0, patience=3, clip_norm=1.0, shuffle=False),
            Recipe(parameters={"optimizer.beta1": 0.5, "optimizer.epsilon_placement": "inside"}),
            Recipe(
                class_weight="balanced", schedule="step_decay", parameters={"schedule.every": 2}
            ),
        ],
    )
    def test_round_trip(self, recipe):
        again = Recipe(**recipe.to_dict())
        assert again == recipe
        assert hash(again) == hash(recipe)
        assert again.structure() == recipe.structure()

    def test_holds_only_what_differs(self):
        assert Recipe().to_dict() == {}
        assert Recipe(dropout=0.1).to_dict() == {"dropout": 0.1}

    def test_an_object_can_not_be_written(self):
        with pytest.raises(RecipeError, match="holds an optimizer object, which can't be written"):
            Recipe(optimizer=optax.sgd(0.1)).to_dict()


FIELDS = [*Recipe.model_fields, "unknown"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.sampled_from([name for family in FAMILIES.values() for name in family])
)
keys = st.sampled_from(["optimizer.beta1", "norm.groups", "init.std", "a.b"]) | st.text(max_size=4)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(keys, inner, max_size=3)
        | st.fixed_dictionaries({"units": inner})
    ),
    max_leaves=5,
)


def refusal(build) -> str | None:
    """Return the message if a recipe is refused; any other error passes through."""
    try:
        build()
    except RecipeError as error:
        return str(error)
    return None


@settings(max_examples=300)
@given(fields=st.dictionaries(st.sampled_from(FIELDS), junk, max_size=4))
def test_no_other_error_ever_escapes(fields):
    message = refusal(lambda: Recipe(**fields))
    if message is None:
        recipe = Recipe(**fields)
        assert Recipe(**recipe.to_dict()) == recipe
        hash(recipe)
    else:
        assert message.endswith(".")
        assert "\n" not in message


@settings(max_examples=100)
@given(changes=st.dictionaries(st.sampled_from([*FIELDS, "optimizer.beta1"]), junk, max_size=3))
def test_replace_lets_no_other_error_escape_either(changes):
    message = refusal(lambda: BASE.replace(**changes))
    assert message is None or message.endswith(".")
