"""Weights of a file reach the right place in the right layout, or an error says why not."""

import random
import struct
import zipfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gradlab.errors import DataError, RecipeError
from gradlab.nn.activations import Activation, relu
from gradlab.nn.architectures import ResidualBlock
from gradlab.nn.convolution import Conv2D, TransposedConv2D
from gradlab.nn.dense import Dense
from gradlab.nn.loading import load_weights, tensor_paths
from gradlab.nn.module import Sequential
from gradlab.nn.normalization import BatchNorm, LayerNorm
from gradlab.nn.pytorch_file import read_pytorch
from gradlab.nn.recurrent import LSTMCell
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights

ORACLE = Path(__file__).parents[1] / "oracles" / "weight_file.pth"
ZEROS = Weights(seed=None, dtype=np.float64)


def network_of_the_oracle():
    """Return the network that tools/oracles/weight_file.py wrote, with zeros for weights."""
    return Sequential(
        (
            Conv2D.create(ZEROS, 3, 4, kernel=3, stride=2, padding=1, bias=False),
            BatchNorm(4),
            Activation(relu),
            Conv2D.create(ZEROS, 4, 6, kernel=3, padding=1, groups=2),
            Activation(relu),
            TransposedConv2D.create(ZEROS, 6, 5, kernel=(4, 2), stride=2, padding=(1, 0)),
            Activation(relu),
            Flatten(),
            Dense(np.zeros((240, 7)), np.zeros(7)),
            LayerNorm(7),
            Dense(np.zeros((7, 7)), np.zeros(7)),
        )
    )


def dense(n_in, n_out, dtype=np.float32):
    return Dense(np.zeros((n_in, n_out), dtype), np.zeros(n_out, dtype))


@pytest.fixture
def written(tmp_path):
    """Return a function that writes arrays as a safetensors file."""

    def write(arrays):
        path = tmp_path / "weights.safetensors"
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, path)
        return path

    return write


@pytest.mark.parametrize("names", [None, lambda name: f"layers.{name}"])
def test_a_checkpoint_of_pytorch_gives_pytorchs_outputs_and_gradient(float64, names):
    empty = network_of_the_oracle()
    network, state = load_weights(empty, ORACLE, names, input_shape=(6, 8, 3))
    told = load_file(ORACLE.with_suffix(".safetensors"))
    y, pull_back = jax.vjp(lambda x: network(x, state)[0], jnp.asarray(told["x"]))
    np.testing.assert_allclose(y, told["y"], rtol=1e-12)
    (gradient,) = pull_back(jnp.asarray(told["cotangent"]))
    np.testing.assert_allclose(gradient, told["x.grad"], rtol=1e-11, atol=1e-14)
    assert not any(layer.weight.any() for layer in (empty.layers[0], empty.layers[8]))


def test_dense_weights_after_a_flatten_are_put_in_the_order_of_channels_last(written, rng):
    images = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)  # channels first
    weight = rng.normal(size=(6, 60)).astype(np.float32)
    path = written({"fc.weight": weight, "fc.bias": np.zeros(6, np.float32)})
    network = Sequential((Flatten(), dense(60, 6)))
    loaded, state = load_weights(network, path, {"fc": "layers.1"}, input_shape=(4, 5, 3))
    y, _ = loaded(jnp.asarray(images.transpose(0, 2, 3, 1)), state)
    np.testing.assert_allclose(y, images.reshape(2, -1) @ weight.T, rtol=2e-5, atol=1e-5)
    with pytest.raises(RecipeError, match=r"layers\.1\.weight follows a Flatten.*input_shape="):
        load_weights(network, path, {"fc": "layers.1"})


def test_gradlabs_own_layout_is_not_transposed(written, rng):
    weight = rng.normal(size=(3, 3)).astype(np.float32)
    path = written({"weight": weight, "bias": np.zeros(3, np.float32)})
    ours, _ = load_weights(dense(3, 3), path, layout="gradlab")
    theirs, _ = load_weights(dense(3, 3), path)
    np.testing.assert_array_equal(ours.weight, weight)
    np.testing.assert_array_equal(theirs.weight, weight.T)


@pytest.mark.parametrize("kind", [np.float16, jnp.bfloat16, np.float64])
def test_numbers_take_the_networks_precision(written, kind):
    values = np.array([[0.5, 1.25]]).astype(kind)
    path = written({"weight": values, "bias": np.zeros(1).astype(kind)})
    loaded, _ = load_weights(dense(2, 1), path)
    assert loaded.weight.dtype == np.float32
    assert loaded.weight.ravel().tolist() == [0.5, 1.25]


def test_running_averages_reach_the_state_however_it_is_nested(written, rng):
    sources = iter([Weights(seed=None)] * 2)
    network = Sequential((Sequential((BatchNorm(2),)), ResidualBlock.create(sources, 2, 2)))
    averages = {
        f"{where}.{name}": rng.random(2).astype(np.float32)
        for where in ("layers.0.layers.0", "layers.1.norm1", "layers.1.norm2")
        for name in ("weight", "bias", "running_mean", "running_var")
    }
    kernels = {f"layers.1.conv{i}.weight": np.ones((2, 2, 3, 3), np.float32) for i in (1, 2)}
    counter = {"layers.1.norm1.num_batches_tracked": np.array(7)}
    loaded, state = load_weights(network, written(averages | kernels | counter))
    expected = [
        [averages[f"{where}.running_mean"], averages[f"{where}.running_var"]]
        for where in ("layers.0.layers.0", "layers.1.norm1", "layers.1.norm2")
    ]
    np.testing.assert_array_equal(np.stack(jax.tree.leaves(state)).reshape(3, 2, 2), expected)
    np.testing.assert_array_equal(loaded.layers[1].norm2.scale, averages["layers.1.norm2.weight"])
    assert jax.tree.structure(state) == jax.tree.structure(network.initial_state())


def test_the_longest_beginning_of_a_name_counts_and_none_leaves_out(written):
    network = Sequential((dense(2, 3), dense(3, 2)))
    path = written(
        {
            "body.a.weight": np.ones((3, 2), np.float32),
            "body.a.bias": np.ones(3, np.float32),
            "body.b.weight": np.full((2, 3), 2, np.float32),
            "body.b.bias": np.full(2, 2, np.float32),
            "head.weight": np.ones((9, 9), np.float32),
        }
    )
    names = {"body": "layers", "body.a": "layers.0", "body.b": "layers.1", "head": None}
    loaded, _ = load_weights(network, path, names)
    assert (loaded.layers[0].weight.max(), loaded.layers[1].weight.max()) == (1, 2)
    assert tensor_paths(network, path, names)["body.b.bias"] == "layers.1.bias"
    with pytest.raises(RecipeError, match=r"names speaks of 'haed'.* Did you mean 'head'"):
        load_weights(network, path, names | {"haed": None})


def test_layers_alike_are_paired_in_order_only_where_the_order_is_known(written, rng):
    network = Sequential(tuple(dense(2, 2) for _ in range(11)))
    arrays = {
        f"block{i}.fc.{name}": np.full(shape, i, np.float32)
        for i in range(1, 12)
        for name, shape in (("weight", (2, 2)), ("bias", (2,)))
    }
    loaded, _ = load_weights(network, written(arrays))  # the file has block10 before block2
    assert [layer.bias[0] for layer in loaded.layers] == list(range(1, 12))
    named = {name.replace("block10", "middle"): values for name, values in arrays.items()}
    with pytest.raises(DataError, match=r"block1\.fc, .*can't be told.*names"):
        load_weights(network, written(named))


def test_every_misfit_is_listed(written):
    network = Sequential((dense(2, 3), dense(3, 2), dense(2, 1), dense(1, 1)))
    path = written(
        {
            "layers.0.weight": np.ones((3, 5), np.float32),
            "layers.0.bias": np.array([1, np.nan, 1], np.float32),
            "layers.1.weight": np.ones((2, 3), np.int8),
            "layer.1.bias": np.ones(2, np.float32),
            "layers.2.weight": np.full((1, 2), 1e300),
            "layers.2.bias": np.ones(1, np.float32),
            "extra": np.ones(4, np.float32),
            "layers.3.weight": np.ones((1, 1), np.float32),
        }
    )
    with pytest.raises(DataError) as caught:
        load_weights(network, path)
    said = str(caught.value)
    assert "layers.0.weight: its shape is (3, 5) where (3, 2) fits" in said
    assert "layers.0.bias: it holds infinite or missing numbers" in said
    assert "layers.1.weight: its numbers are int8" in said
    assert "layers.2.weight: it holds infinite or missing numbers in float32" in said
    assert "no place for layer.1.bias, shape (2,). Did you mean 'layers.1.bias'?" in said
    assert "no place for extra, shape (4,)." in said
    assert "nothing fills layers.3.bias" in said
    assert "layers.2.bias" not in said
    with pytest.raises(DataError, match=r"extra and layers\.2\.bias would both go to"):
        load_weights(network, path, {"extra": "layers.2.bias"})


def test_not_strict_leaves_both_sides_as_they_are_but_shapes_must_fit(written):
    network = Sequential((dense(2, 3), Dense(np.full((3, 2), 5.0), None)))
    path = written(
        {
            "layers.0.weight": np.ones((3, 2), np.float32),
            "layers.0.bias": np.ones(3, np.float32),
            "head": np.ones(3, np.float32),
        }
    )
    loaded, _ = load_weights(network, path, strict=False)
    assert loaded.layers[0].weight.all()
    np.testing.assert_array_equal(loaded.layers[1].weight, 5.0)
    with pytest.raises(DataError, match=r"its shape is \(3, 2\) where \(2, 3\) fits"):
        load_weights(Sequential((dense(3, 2),)), path, strict=False)


def test_a_layer_whose_layout_in_pytorch_is_unknown_is_refused(written):
    cell = LSTMCell.create(Weights(seed=None), 3, 3)
    path = written({"weight": np.zeros((3, 12), np.float32)})
    with pytest.raises(RecipeError, match=r"LSTMCell.*layout='gradlab'"):
        load_weights(cell, path)
    arrays = {name: np.ones_like(getattr(cell, name)) for name in array_names(cell)}
    loaded, _ = load_weights(cell, written(arrays), layout="gradlab")
    assert all(getattr(loaded, name).all() for name in array_names(cell))


def array_names(module):
    return [name for name, value in vars(module).items() if eqx.is_inexact_array_like(value)]


# Files that are damaged, or meant to harm


def archive(tmp_path, pickled, *, members=(), compression=zipfile.ZIP_STORED):
    """Return a file like torch.save's with a list of our own."""
    path = tmp_path / "made.pth"
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("made/data.pkl", pickled)
        for name, content in members:
            file.writestr(f"made/{name}", content)
    return path


def tensor(shape, strides, *, length, offset=0):
    """Return the instructions for {"w": a float32 tensor of data/0}."""
    ints = [
        b"(" + b"".join(b"J" + struct.pack("<i", n) for n in numbers) + b"t"
        for numbers in (shape, strides)
    ]
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"
        b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ"
        + struct.pack("<i", length)
        + b"tQJ"
        + struct.pack("<i", offset)
        + ints[0]
        + ints[1]
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )


def test_a_transposed_and_shifted_tensor_is_read_by_its_strides(tmp_path):
    numbers = [("data/0", np.arange(7, dtype=np.float32).tobytes())]
    path = archive(tmp_path, tensor((3, 2), (1, 3), length=7, offset=1), members=numbers)
    assert read_pytorch(path)["w"].tolist() == [[1, 4], [2, 5], [3, 6]]


@pytest.mark.parametrize(
    ("shape", "strides", "length", "offset"),
    [
        ((8,), (1,), 7, 0),
        ((7,), (1,), 7, 1),
        ((2, 4), (4, 1), 7, 0),
        ((7,), (-1,), 7, 6),
        ((1000, 1000), (0, 0), 7, 0),  # would be a million numbers out of one
        ((7,), (1, 1), 7, 0),
        ((7,), (1,), 9, 0),
        ((1,) * 17, (1,) * 17, 7, 0),
    ],
)
def test_a_tensor_beyond_its_numbers_is_refused(tmp_path, shape, strides, length, offset):
    numbers = [("data/0", np.arange(7, dtype=np.float32).tobytes())]
    pickled = tensor(shape, strides, length=length, offset=offset)
    with pytest.raises(DataError):
        read_pytorch(archive(tmp_path, pickled, members=numbers))


CRIMES = {
    "os.system": b"\x80\x02cos\nsystem\nX\x05\x00\x00\x00touch\x85R.",
    "builtins.eval": b"\x80\x02c__builtin__\neval\nX\x03\x00\x00\x001/0\x85R.",
    "torch.hub.load": b"\x80\x02ctorch.hub\nload\nX\x01\x00\x00\x00x\x85R.",
    "INST": b"(S'echo'\nios\nsystem\n.",
    "OBJ": b"\x80\x02(cos\nsystem\no.",
    "NEWOBJ": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "BUILD on a name": b"\x80\x02ctorch\nFloatStorage\n}X\x01\x00\x00\x00aK\x01sb.",
    "EXT1": b"\x80\x02\x82\x01.",
    "calling a storage": b"\x80\x02ctorch\nFloatStorage\n)R.",
    "PERSID": b"P0\n.",
    "a list as a key": b"\x80\x02}]K\x01s.",
}


@pytest.mark.parametrize("pickled", CRIMES.values(), ids=CRIMES)
def test_nothing_in_a_file_is_run(tmp_path, monkeypatch, pickled):
    def never(*arguments):
        pytest.fail("the file's code was run")

    for target in ("os.system", "builtins.eval", "builtins.exec"):
        monkeypatch.setattr(target, never)
    with pytest.raises(DataError, match=r"was not read|is damaged"):
        read_pytorch(archive(tmp_path, pickled))


def test_deep_nesting_ends_in_an_error_not_in_a_crash(tmp_path):
    deep = b"\x80\x02})" + b"\x85" * 200_000
    for end in (b"K\x01s.", b"."):  # as a key, and as a value
        with pytest.raises(DataError):
            read_pytorch(archive(tmp_path, deep + end))


def test_advice_says_how_to_convert_a_whole_model(tmp_path):
    with pytest.raises(DataError, match=r"__main__\.Net.*safetensors\.torch\.save_file"):
        read_pytorch(archive(tmp_path, b"\x80\x02c__main__\nNet\n)\x81."))


def test_files_of_other_kinds_are_told_apart(tmp_path):
    path = tmp_path / "old.pth"
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    with pytest.raises(DataError, match=r"bare pickle \(PyTorch before 1\.6.*save_file"):
        load_weights(dense(1, 1), path)
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="neither safetensors nor a PyTorch"):
        load_weights(dense(1, 1), path)
    with pytest.raises(DataError, match="Could not read"):
        load_weights(dense(1, 1), tmp_path / "missing.pth")
    with pytest.raises(DataError, match="Could not read"):
        load_weights(dense(1, 1), tmp_path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "x")
    with pytest.raises(DataError, match=r"no data\.pkl"):
        load_weights(dense(1, 1), path)
    with pytest.raises(DataError, match="TorchScript"):
        read_pytorch(archive(tmp_path, b"", members=[("constants.pkl", b"")]))


def test_members_larger_than_the_file_are_not_unpacked(tmp_path):
    zeros = [("data/0", bytes(10_000_000))]
    bomb = archive(tmp_path, b"", members=zeros, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="compressed"):
        read_pytorch(bomb)


def test_a_checkpoint_with_two_sets_of_weights_is_not_guessed_at(tmp_path):
    one = tensor((7,), (1,), length=7)[2:-1]
    both = b"\x80\x02}(X\x01\x00\x00\x00a" + one + b"X\x01\x00\x00\x00b" + one + b"u."
    numbers = [("data/0", bytes(28))]
    with pytest.raises(DataError, match=r"several sets of weights \('a', 'b'\)"):
        read_pytorch(archive(tmp_path, both, members=numbers))


def test_a_damaged_file_never_ends_in_another_error(tmp_path):
    whole = ORACLE.read_bytes()
    pick = random.Random(0)
    start = whole.index(b"data.pkl")
    path = tmp_path / "damaged.pth"
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(pick.choice([1, 3])):
            damaged[pick.randrange(start, start + 4000)] = pick.randrange(256)
        if pick.random() < 0.2:
            del damaged[pick.randrange(len(damaged)) :]
        path.write_bytes(damaged)
        try:
            read_pytorch(path)
        except DataError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("cut", [4, 40, 100, -1])
def test_a_cut_safetensors_file_is_refused(written, cut):
    path = written({"weight": np.ones((1, 1), np.float32), "bias": np.ones(1, np.float32)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="not a whole safetensors file"):
        load_weights(dense(1, 1), path)
