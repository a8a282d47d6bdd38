"""The course's worked numbers, by the built-in examples."""

import numpy as np
import pytest

from gradlab.errors import RecipeError
from gradlab.explanation import EXAMPLES, explain
from gradlab.optim import OPTIMIZERS
from gradlab.training.recipe import Recipe

BEFORE = {
    "a1": 0.46, "a2": 0.57, "h1": 0.613014176, "h2": 0.638763175,
    "a3": 0.530074199, "ŷ": 0.629500418,
}  # fmt: skip
AFTER = [0.461516941, 0.571032840, 0.613373975, 0.639001463, 0.543889889, 0.632716840]
GRADIENTS = {
    "w1": -0.010249603, "w2": -0.006978650, "w3": -0.014349444, "w4": -0.009770110,
    "w5": -0.105942930, "w6": -0.110392949,
}  # fmt: skip
NEW = {
    "w1": 0.501024960, "w2": 0.300697865, "w3": 0.301434944, "w4": 0.600977011,
    "w5": 0.510594293, "w6": 0.361039295,
}  # fmt: skip


@pytest.fixture(scope="module")
def e():
    return explain()


@pytest.mark.catalogue("BPG-01", "BPG-03", "WE-09", "ERR-34", "ERR-35")
def test_every_number_of_the_2_2_1_network(e):
    assert e.numbers() == pytest.approx(BEFORE, abs=5e-10)
    assert e.loss == pytest.approx(0.137269941, abs=1e-9)
    for name in GRADIENTS:
        assert e.gradient(name) == pytest.approx(GRADIENTS[name], abs=5e-10)
        assert e.weight(name) == pytest.approx(NEW[name], abs=5e-10)
    after = np.concatenate([layer.after[0] for layer in e.layers])
    np.testing.assert_allclose(after, AFTER, atol=5e-10)
    assert e.new_loss == pytest.approx(0.134896919, abs=1e-9)
    assert e.new_loss < e.loss
    # δ of the output, and the factors of the chain rule.
    assert e.layers[2].blame[0, 0] == pytest.approx(-0.172822970, abs=5e-10)
    (of_w5,) = e.chains["w5"].paths
    np.testing.assert_allclose(of_w5.factors, [0.613014176, 0.233229642, -0.740999165], atol=5e-10)
    slopes = {name: e.chains[name].paths[0].factors[1] for name in ("w1", "w2")}
    assert slopes == pytest.approx({"w1": 0.237227796, "w2": 0.230744781}, abs=5e-10)
    # Hidden weights are corrected by the old w5: the new one would give another gradient.
    trap = e.gradient("w1") * NEW["w5"] / 0.5
    assert trap == pytest.approx(-0.010467, abs=5e-7)
    assert e.chains["w1"].paths[0].factors[2] == 0.5


def test_the_chain_rule_is_written_factor_by_factor(e):
    lines = e.markdown().splitlines()
    assert "`∂E/∂w5 = ∂E/∂ŷ · ∂ŷ/∂a3 · ∂a3/∂w5`" in lines
    assert "`∂E/∂w5 = −0.740999 × 0.23323 × 0.613014 = −0.105943`" in lines


@pytest.mark.catalogue("GDM-10", "WE-12")
def test_a_line_through_six_points_and_through_one_after_the_other():
    e = explain("line")
    assert e.loss == pytest.approx(5.658333, abs=5e-7)
    assert e.gradient("w1") == pytest.approx(-14.266667, abs=5e-7)
    assert e.weight("w1") == pytest.approx(0.342667, abs=5e-7)
    assert e.new_loss == pytest.approx(3.809532, abs=5e-7)
    path = [e.weight("w1")]
    for _ in range(4):
        e = e.after()
        path.append(e.weight("w1"))
    np.testing.assert_allclose(path, [0.342667, 0.459178, 0.554329, 0.632035, 0.695495], atol=5e-7)
    # One sample, then another; 0.552 comes only of the prediction with the old weight.
    from gradlab.nn.dense import Dense

    recipe = Recipe(optimizer="sgd", learning_rate=0.01, loss="squared_error")
    first = explain(Dense(np.array([[0.2]])), np.array([[2.0]]), np.array([2.2]), recipe=recipe)
    assert first.weight("w1") == pytest.approx(0.272, abs=1e-12)
    second = first.after(np.array([[4.0]]), np.array([[4.3]]))
    assert second.weight("w1") == pytest.approx(0.528960, abs=5e-7)
    stale = 0.272 - 0.01 * -2 * (4.3 - 0.8) * 4
    assert stale == pytest.approx(0.552)


@pytest.mark.catalogue("WE-13")
def test_a_neuron_that_is_more_wrong_learns_less():
    wrong, worse = explain("neuron"), explain("saturated")
    found = [[e.loss, e.gradient("w1"), e.gradient("b1")] for e in (wrong, worse)]
    np.testing.assert_allclose(
        found, [[0.281445, 0.210864, 0.140576], [0.497132, 0.004283, 0.002855]], atol=1e-6
    )
    # The printed outputs themselves.
    from gradlab.nn.activations import Activation, sigmoid
    from gradlab.nn.dense import Dense
    from gradlab.nn.module import Sequential

    for o, e, bias in ((0.7503, 0.281475, 0.140569), (0.9971, 0.497104, 0.002883)):
        layers = (Dense(np.zeros((1, 1)), np.array([np.log(o / (1 - o))])), Activation(sigmoid))
        recipe = Recipe(optimizer="sgd", loss="half_squared_error")
        found = explain(Sequential(layers), np.ones((1, 1)), np.zeros(1), recipe=recipe)
        assert found.loss == pytest.approx(e, abs=5e-7)
        assert found.gradient("b1") == pytest.approx(bias, abs=5e-7)


def test_cross_entropies_of_four_answers():
    nats = np.array([0.020203, 9.210340, 1.387495, 5.843045])
    np.testing.assert_allclose(explain("surprise").of_rows, nats, atol=5e-7)


ITERATES = {
    "sgd": (0.8, 0.64, 0.512),
    "momentum": (0.8, 0.46, 0.062),
    "momentum_average": (0.98, 0.9424, 0.889712),
    "nesterov": (0.8, 0.496, 0.17792),
    "adagrad": (0.900000005, 0.833103534, 0.780456190),
    "rmsprop": (0.683772238, 0.498870612, 0.369180558),
    "adadelta": (0.996837726, 0.993598174, 0.990309046),
    "adam": (0.9000000005, 0.800412229, 0.701586273),
}


@pytest.mark.parametrize("name", ITERATES)
def test_reference_iterates_of_the_optimizers(name):
    rate = 1.0 if name == "adadelta" else 0.1
    recipe = Recipe(optimizer=name, learning_rate=rate, loss="squared_error")
    e, path = explain("parabola", recipe=recipe), []
    for step in range(3):
        e = e.after() if step else e
        (p,) = e.parameters
        at = p.new if p.evaluated is None else p.evaluated
        path.append(float(at[0, 0]))
    np.testing.assert_allclose(path, ITERATES[name], atol=1e-9)


def test_every_example_gives_an_explanation_whose_gradients_agree():
    assert set(ITERATES) < set(OPTIMIZERS)
    for name in EXAMPLES:
        assert max(p.error for p in explain(name).parameters) < 1e-7


def test_an_unknown_example_is_told():
    with pytest.raises(RecipeError, match=r"Unknown example '2-2'\. Did you mean '2-2-1'"):
        explain("2-2")
