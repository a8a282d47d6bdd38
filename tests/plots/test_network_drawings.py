"""Drawings of layers, cells and systems: what they show is what the layers compute."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.autoencoder import StackedAutoencoder
from gradlab.errors import RecipeError
from gradlab.nn import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    LocallyConnected1D,
    MaxPool2D,
    StochasticPool2D,
)
from gradlab.nn.random import row_key
from gradlab.nn.recurrent.structures import STRUCTURES as MODELS
from gradlab.plots.adversarial_flow import adversarial_figure
from gradlab.plots.connections import connections_figure
from gradlab.plots.number_grids import convolution_steps_figure, number_grids_figure
from gradlab.plots.recurrent_flow import STRUCTURES, cell_figure, structure_figure
from gradlab.plots.stages import stages_figure

LINES = ("11100", "01110", "00111", "00110", "01100")
IMAGE = np.array([[int(c) for c in line] for line in LINES], float)
KERNEL = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], float)
MAP = np.array([[4, 3, 4], [2, 4, 3], [2, 3, 4]], float)


def titles(figure) -> list[str]:
    return [note.text for note in figure.layout.annotations if note.text]


def words(figure) -> list[str]:
    return [" ".join(text.replace("<br>", " ").split()) for text in figure.data[0].text]


def arrows(figure) -> list[tuple[float, float, float, float]]:
    return [(a.ax, a.ay, a.x, a.y) for a in figure.layout.annotations if a.showarrow]


@pytest.mark.catalogue("PIC-40")
def test_nine_steps_of_the_kernel_give_the_feature_map():
    figure = convolution_steps_figure(IMAGE, KERNEL)
    sums = [float(text.split(": ")[1]) for text in titles(figure)]
    np.testing.assert_array_equal(np.reshape(sums, (3, 3)), MAP)
    layer = Conv2D(KERNEL[:, :, None, None].astype(np.float32))
    computed = layer(IMAGE[None, :, :, None].astype(np.float32), ())[0][0, :, :, 0]
    np.testing.assert_array_equal(computed, MAP)
    # The products told in each frame add up to the sum above it.
    for trace, total in zip(figure.data, sums, strict=True):
        factors = [text.split("·") for row in trace.text for text in row if "·" in text]
        assert len(factors) == 9
        assert sum(float(a) * float(b) for a, b in factors) == total
    wide = convolution_steps_figure(IMAGE, KERNEL, stride=2)
    assert [text.split(": ")[1] for text in titles(wide)] == ["4", "4", "2", "4"]


@pytest.mark.catalogue("PIC-41")
def test_three_poolings_of_a_feature_map():
    x = jnp.asarray(MAP[None, :, :, None], jnp.float32)
    key = row_key(seed=0, step=0, rows=jnp.arange(1))
    grids = {
        "max": MaxPool2D(2, stride=1)(x, ())[0],
        "average": AveragePool2D(2, stride=1)(x, ())[0],
        "stochastic": StochasticPool2D(2, stride=1)(x, (), key=key, training=True)[0],
    }
    drawn = {name: np.asarray(grid)[0, :, :, 0].astype(float) for name, grid in grids.items()}
    figure = number_grids_figure(drawn, title="Pooling")
    assert titles(figure) == ["max", "average", "stochastic"]
    shown = [np.array(trace.text, float) for trace in figure.data]
    np.testing.assert_array_equal(shown[0], [[4, 4], [4, 4]])
    np.testing.assert_array_equal(shown[1], [[3.25, 3.5], [2.75, 3.5]])
    for (i, j), value in np.ndenumerate(shown[2]):
        assert value in MAP[i : i + 2, j : j + 2]
        assert shown[0][i, j] >= value
    scale = {(trace.zmin, trace.zmax) for trace in figure.data}
    assert scale == {(min(np.min(g) for g in shown), 4.0)}  # one for all


@pytest.mark.catalogue("PIC-42")
def test_channels_stride_and_padding_in_numbers():
    cube = np.stack([IMAGE, 2 * IMAGE, 3 * IMAGE], axis=2)
    kernel = np.repeat(KERNEL[:, :, None, None], 3, axis=2).astype(np.float32)
    x = cube[None].astype(np.float32)
    padded, wide = Conv2D(kernel, padding=1), Conv2D(kernel, stride=2)
    grids = {name: cube[:, :, i] for i, name in enumerate(("red", "green", "blue"))}
    grids["padding 1"] = np.asarray(padded(x, ())[0])[0, :, :, 0].astype(float)
    grids["stride 2"] = np.asarray(wide(x, ())[0])[0, :, :, 0].astype(float)
    figure = number_grids_figure(grids)
    shapes = {name: np.shape(trace.z) for name, trace in zip(grids, figure.data, strict=True)}
    assert shapes == {"red": (5, 5), "green": (5, 5), "blue": (5, 5)} | {
        "padding 1": padded.output_shape((5, 5, 3))[:2],
        "stride 2": wide.output_shape((5, 5, 3))[:2],
    }
    assert shapes["padding 1"] == (5, 5)
    np.testing.assert_array_equal(figure.data[4].z, 6 * np.array([[4, 4], [2, 4]]))
    corner = 2 * (1 + 2 + 3)  # of WE-22 with a border of zeros
    assert figure.data[3].z[0][0] == corner


@pytest.mark.catalogue("PIC-43")
def test_global_local_and_shared_connections_of_seven_inputs_and_three_units():
    def numbered(layer, x):
        """Weights 1, 2, … on their connections, found by what an input changes in an output."""
        slopes = jax.jacobian(lambda v: layer(v, ())[0].ravel())(x).reshape(3, 7)
        return np.asarray(slopes).astype(int) - 1

    rows = jnp.zeros((1, 7), jnp.float32)
    steps = rows[:, :, None]
    tables = {
        "global": numbered(Dense(np.arange(1, 22, dtype=np.float32).reshape(7, 3)), rows),
        "local": numbered(
            LocallyConnected1D(np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1, 1), stride=2),
            steps,
        ),
        "shared": numbered(
            Conv1D(np.arange(1, 4, dtype=np.float32).reshape(3, 1, 1), stride=2), steps
        ),
    }
    figure = connections_figure(tables)
    assert titles(figure) == [
        "global: 21 connections, 21 weights",
        "local: 9 connections, 9 weights",
        "shared: 9 connections, 3 weights",
    ]
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [len(trace.x) // 3 for trace in lines] == [21, 9, 3, 3, 3]
    assert [trace.name for trace in lines if trace.showlegend] == [
        "weight 1", "weight 2", "weight 3"
    ]  # fmt: skip
    assert len({trace.line.color for trace in lines[2:]}) == 3


@pytest.mark.catalogue("PIC-55")
def test_stages_of_a_stacked_autoencoder():
    rows = np.random.default_rng(0).uniform(size=(40, 12))
    stacked = StackedAutoencoder(hidden=(6, 3), epochs=1, pretrain_epochs=1).fit(rows)
    figure = stages_figure([12, 6, 3])
    units = [int(text.split(" units")[0].split()[-1]) for text in words(figure)]
    assert units == [12, 6, 12, 6, 3, 6, 12, 6, 3, 6, 12]
    assert len(stacked.stages_) == sum("stage" in text for text in words(figure)) == 2
    assert stacked.transform(rows).shape[1] == 3
    classifier = stages_figure([784, 256, 64], n_outputs=10)
    assert words(classifier)[-4:] == [
        "fine tuning 784 units", "256 units", "64 units", "10 units"
    ]  # fmt: skip
    assert len(arrows(classifier)) == 2 + 2 + 3


@pytest.mark.catalogue("PIC-57")
class TestRecurrentDrawings:
    def test_every_structure_that_can_be_built_is_drawn(self):
        assert set(STRUCTURES) == set(MODELS)
        counts = {}
        for name in STRUCTURES:
            shown = words(structure_figure(name))
            counts[name] = tuple(sum(text[0] == kind for text in shown) for kind in "xhy")
        assert counts == {
            "one to one": (1, 1, 1),
            "one to many": (1, 3, 3),
            "many to one": (3, 3, 1),
            "many to many": (3, 3, 3),
            "delayed": (3, 5, 2),
        }

    def test_unrolled_and_stacked_every_state_goes_to_the_next_step_and_layer(self):
        figure = structure_figure("many to many", layers=2)
        across = [a for a in arrows(figure) if a[1] == a[3]]
        upwards = [a for a in arrows(figure) if a[0] == a[2]]
        assert len(across) == 2 * 2
        assert len(upwards) == 3 * 3  # input, between the layers, output
        assert all(a[2] > a[0] for a in across)
        assert all(a[3] > a[1] for a in upwards)

    def test_the_gates_of_each_cell(self):
        gates = {
            cell: sum(" gate" in text for text in words(cell_figure(cell)))
            for cell in ("rnn", "lstm", "peephole", "gru")
        }
        assert gates == {"rnn": 0, "lstm": 3, "peephole": 3, "gru": 2}
        assert any("C = f ∘ C′ + i ∘ g" in text for text in words(cell_figure("lstm")))
        more = len(arrows(cell_figure("peephole"))) - len(arrows(cell_figure("lstm")))
        assert more == 3  # to each gate

    @pytest.mark.parametrize("draw", [cell_figure, structure_figure])
    def test_others_are_refused(self, draw):
        with pytest.raises(RecipeError, match="lstn"):
            draw("lstn")


@pytest.mark.catalogue("PIC-62")
def test_noise_becomes_a_row_and_made_and_real_rows_are_judged():
    figure = adversarial_figure(noise_size=16)
    shown = words(figure)
    assert shown[0] == "noise z 16 numbers"
    assert len(arrows(figure)) == 4
    judge = figure.data[0].x[3], figure.data[0].y[3]
    into = [a for a in arrows(figure) if a[2] == judge[0] and a[3] < judge[1]]
    assert len(into) == 2  # from the generator and from the data
