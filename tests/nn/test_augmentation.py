from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from gradlab.errors import DataError, RecipeError
from gradlab.metrics.ten_crops import ten_crop_average, ten_crops
from gradlab.nn import GaussianNoise, RowKey, Sequential, initial_state, row_key, trainable
from gradlab.nn.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    Brightness,
    Contrast,
    Crop,
    Elastic,
    Masking,
    Mirror,
    PcaColour,
    Rotate,
    Shear,
    Translate,
    Warp,
    Zoom,
    affine_warp,
    bilinear,
    colour_covariance,
    gaussian_matrix,
    merge_warps,
    n_crops,
    parse_augmentation,
    parse_augmentations,
    photometric,
)

NOTHING = {
    "translate": Translate(amount=0),
    "rotate": Rotate(degrees=0),
    "zoom": Zoom(amount=0),
    "shear": Shear(degrees=0),
    "mirror": Mirror(horizontal=0, vertical=0),
    "crop": Crop(padding=0),
    "elastic": Elastic(strength=0),
    "brightness": Brightness(amount=0),
    "contrast": Contrast(amount=0),
    "colour": PcaColour(std=0),
    "noise": GaussianNoise(std=0.0),
    "mask": Masking(rate=0),
    "warp": Warp((Translate(amount=0), Rotate(degrees=0), Elastic(strength=0))),
}
SOMETHING = {
    **{word: layer() for word, layer in AUGMENTATIONS.items()},
    "crop to a size": Crop(padding=1, size=(4, 3), fill="zero"),
    "colour of a set": PcaColour(std=1.0, covariance=np.eye(3)),
    "warp": Warp((Translate(), Rotate(), Elastic())),
}


def trained(layer, x, rows, seed=0, step=0):
    """Return what a layer makes of a batch in training."""
    # As arrays, or each seed and step would compile a program of its own.
    return _trained(layer, x, rows, jnp.asarray(seed), jnp.asarray(step))


@eqx.filter_jit
def _trained(layer, x, rows, seed, step):
    return layer(x, (), key=row_key(seed, step, rows), training=True)[0]


warped = eqx.filter_jit(affine_warp)


def many(layer, image, n):
    """Return n draws of one image."""
    copies = jnp.repeat(jnp.asarray(image)[None], n, axis=0)
    return np.asarray(trained(layer, copies, jnp.arange(n)))


@pytest.fixture
def images(rng):
    """Five images as a recipe may standardise them: pixels below 0 and above 1."""
    return jnp.asarray(rng.normal(size=(5, 8, 6, 3)), jnp.float32)


def test_every_technique_is_in_a_table_of_this_file():
    assert set(AUGMENTATIONS) < set(NOTHING)
    assert set(AUGMENTATIONS) < set(SOMETHING)


# What all have in common


@pytest.mark.parametrize("name", NOTHING)
def test_an_amount_of_zero_is_the_identity_to_the_bit(name, images):
    np.testing.assert_array_equal(trained(NOTHING[name], images, jnp.arange(5)), images)


@pytest.mark.parametrize("name", SOMETHING)
def test_inference_is_untouched_and_training_is_not(name, images):
    layer = SOMETHING[name]
    y, state = layer(images, ())
    expected = images[:, 2:6, 1:4] if name == "crop to a size" else images
    np.testing.assert_array_equal(y, expected)
    assert state == ()
    changed = trained(layer, images, jnp.arange(5))
    assert changed.shape == expected.shape
    assert not np.array_equal(changed, expected)


@pytest.mark.parametrize("name", SOMETHING)
def test_what_a_row_becomes_depends_on_seed_step_and_row_alone(name, images):
    layer, rows = SOMETHING[name], jnp.arange(100, 105)
    order = jnp.array([3, 0, 4, 1, 2])
    together = trained(layer, images, rows)
    np.testing.assert_array_equal(trained(layer, images[order], rows[order]), together[order])
    # The mirror has only two pictures of a row, so look at all rows and several draws.
    same = jnp.repeat(images[:1], 5, axis=0)
    draws = [trained(layer, same, rows, seed=s, step=t) for s, t in ((0, 0), (1, 0), (0, 1))]
    assert len({np.asarray(draw).tobytes() for draw in draws}) == 3
    assert len({np.asarray(picture).tobytes() for draw in draws for picture in draw}) > 1


def test_runs_in_a_group_in_a_loop_and_alone_agree(images):
    names = ("warp", "colour", "contrast", "crop to a size", "mask")
    chain, rows = Chain(tuple(SOMETHING[name] for name in names)), jnp.arange(5)

    @eqx.filter_jit
    def group(layer):
        """Return outputs (seeds, steps, batch, ...): members one by one, steps in a loop."""

        def member(seed):
            def step(_, number):
                key = row_key(seed, number, rows)
                return None, layer(images, (), key=key, training=True)[0]

            return jax.lax.scan(step, None, jnp.arange(3))[1]

        return jax.lax.map(member, jnp.arange(2))

    alone = trained(chain, images, rows, seed=1, step=2)
    np.testing.assert_allclose(group(chain)[1, 2], alone, atol=1e-5)
    one = trained(chain, images[2:3], rows[2:3], seed=1, step=2)
    np.testing.assert_allclose(one[0], alone[2], atol=1e-5)


def test_one_program_serves_every_amount(images):
    traces = []

    @eqx.filter_jit
    def output(layer, x):
        traces.append(1)
        return layer(x, (), key=row_key(0, 0, jnp.arange(5)), training=True)[0]

    for amount in (0.0, 0.1, 0.5):
        moves = (Rotate(degrees=100 * amount), Zoom(amount=amount), Elastic(strength=amount))
        layers = (Warp(moves), Crop(padding=10 * amount), Masking(rate=amount))
        output(Chain(layers), images)
    assert len(traces) == 1


class Chain(eqx.Module):
    """Layers without state in a row."""

    layers: tuple

    def __call__(self, x, state, *, key, training):
        for i, layer in enumerate(self.layers):
            x, _ = layer(x, (), key=key.fold(i), training=training)
        return x, state


@pytest.mark.parametrize("name", SOMETHING)
def test_no_amount_is_trained_and_the_images_need_no_gradient(name, images):
    layer = SOMETHING[name]
    assert not any(jax.tree.leaves(trainable(layer)))

    def loss(weight, layer):
        y, _ = layer(images, (), key=row_key(0, 0, jnp.arange(5)), training=True)
        return jnp.sum(y.reshape(5, -1) @ weight)

    numbers, static = eqx.partition(layer, eqx.is_array)
    size = int(np.prod(layer(images, ())[0].shape[1:]))
    program = jax.make_jaxpr(jax.grad(lambda w, n: loss(w, eqx.combine(n, static))))
    # The gradient of a gather would be a scatter, slow everywhere.
    assert "scatter" not in str(program(jnp.ones((size, 1)), numbers))


@pytest.mark.parametrize("name", SOMETHING)
@pytest.mark.parametrize("bits", [32, 64])
def test_dtype_is_kept(name, bits, images):
    with jax.enable_x64(bits == 64):
        x = np.asarray(images, f"float{bits}")[:2]
        layer = jax.tree.map(jnp.asarray, SOMETHING[name])
        y = jax.eval_shape(lambda x: trained(layer, x, jnp.arange(2)), x)
        assert y.dtype == layer(x, ())[0].dtype == x.dtype


@pytest.mark.parametrize("name", [name for name in SOMETHING if name != "noise"])
def test_training_without_a_key_is_refused(name, images):
    with pytest.raises(RecipeError, match=r"got key=None.*Pass key=row_key\(seed, step, rows\)"):
        SOMETHING[name](images, (), training=True)


@pytest.mark.parametrize(
    "name", [n for n in SOMETHING if n not in ("noise", "mask", "brightness", "contrast")]
)
def test_what_is_no_image_is_refused(name):
    with pytest.raises(RecipeError, match=r"takes images \(batch, .*got x.shape=\(2, 64\)"):
        SOMETHING[name](jnp.ones((2, 64)), (), key=row_key(0, 0, jnp.arange(2)), training=True)


# Moving pixels


@pytest.mark.catalogue("AUG-02")
class TestAffineWarp:
    """The 2x3 matrix: where an output pixel is read, from the image's centre."""

    @pytest.mark.parametrize("fill", ["edge", "zero"])
    def test_the_identity_is_exact(self, fill, images):
        matrices = jnp.eye(2, 3)[None]
        np.testing.assert_array_equal(warped(images, matrices, fill=fill), images)

    @pytest.mark.parametrize("down", [-2, 0, 3])
    @pytest.mark.parametrize("right", [-1, 0, 2])
    def test_whole_pixels_are_exact(self, down, right, images):
        matrix = jnp.array([[[1, 0, -down], [0, 1, -right]]], jnp.float32)
        for fill, mode in (("edge", "edge"), ("zero", "constant")):
            padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode=mode)
            expected = padded[:, 3 - down : 11 - down, 3 - right : 9 - right]
            np.testing.assert_array_equal(warped(images, matrix, fill=fill), expected)

    @pytest.mark.parametrize("turns", [1, 2, 3])
    def test_a_quarter_turn_is_rot90(self, turns, images):
        square = images[:, :6]
        angle = turns * np.pi / 2
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = jnp.array([[[cos, sin, 0], [-sin, cos, 0]]], jnp.float32)
        expected = np.rot90(square, turns, axes=(1, 2))
        np.testing.assert_allclose(warped(square, matrix), expected, atol=1e-5)
        whole = jnp.round(matrix)
        np.testing.assert_array_equal(warped(square, whole, fill="zero"), expected)

    def test_the_inverse_restores_a_smooth_image(self, rng):
        smooth = gaussian_filter(rng.normal(size=(40, 40)), 5)
        x = jnp.asarray(smooth / smooth.std(), jnp.float32)[None, :, :, None]
        matrix = np.array([[1.1, 0.3, 1.5], [-0.2, 0.9, -2.2]])
        inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
        there = warped(x, jnp.asarray(matrix, jnp.float32)[None])
        back = warped(there, jnp.asarray(inverse, jnp.float32)[None])
        inner = np.s_[:, 12:-12, 12:-12]
        assert np.abs(there - x)[inner].max() > 0.5
        np.testing.assert_allclose(back[inner], x[inner], atol=0.05)

    def test_images_of_a_batch_have_matrices_of_their_own(self, images):
        matrices = jnp.stack([jnp.eye(2, 3), jnp.array([[-1.0, 0, 0], [0, -1.0, 0]])])
        y = warped(images[:2], matrices)
        np.testing.assert_array_equal(y[0], images[0])
        np.testing.assert_array_equal(y[1], images[1, ::-1, ::-1])


def test_bilinear_lies_on_the_plane_through_the_pixels(rng):
    rows, columns = np.mgrid[:7.0, :9.0]
    plane = jnp.asarray(2 * rows - columns + 0.5, jnp.float32)[None, :, :, None]
    r, c = rng.uniform(0, 6, (1, 4, 5)), rng.uniform(0, 8, (1, 4, 5))
    y = bilinear(plane, jnp.asarray(r, jnp.float32), jnp.asarray(c, jnp.float32))
    np.testing.assert_allclose(y[..., 0], 2 * r - c + 0.5, atol=1e-5)


@eqx.filter_jit
def sources(layer, rows, columns, key, height, width):
    places = layer.sources(rows, columns, key, height, width)
    return [jnp.broadcast_to(place, (len(key.rows), *place.shape[1:])) for place in places]


def matrices_of(layer, n, *, height=20, width=30, part=()):
    """Return the affine maps (n, 2, 3) that a layer draws, read off its sources."""
    rows, columns = jnp.array([[[0.0, 0.0], [1.0, 1.0]]]), jnp.array([[[0.0, 1.0], [0.0, 1.0]]])
    key = RowKey(0, 0, jnp.arange(n), part)
    places = np.stack(sources(layer, rows, columns, key, height, width), axis=1)
    origin = places[:, :, 0, 0]
    return np.stack([places[:, :, 1, 0] - origin, places[:, :, 0, 1] - origin, origin], axis=2)


def assert_uniform(values, low, high):
    """Assert that values fill a range evenly, within five standard errors."""
    assert low <= values.min()
    assert values.max() <= high
    error = (high - low) / np.sqrt(12 * len(values))
    assert values.mean() == pytest.approx((low + high) / 2, abs=5 * error)
    assert values.std() == pytest.approx((high - low) / 12**0.5, rel=5 / np.sqrt(len(values)))


N = 4000


def test_translation_is_by_whole_pixels_up_to_the_share_of_each_side():
    matrices = matrices_of(Translate(amount=0.1), N)
    np.testing.assert_array_equal(matrices[:, :, :2], np.broadcast_to(np.eye(2), (N, 2, 2)))
    for offsets, most in ((matrices[:, 0, 2], 2), (matrices[:, 1, 2], 3)):
        values, counts = np.unique(offsets, return_counts=True)
        assert values.tolist() == list(range(-most, most + 1))
        np.testing.assert_allclose(counts / N, 1 / len(values), atol=5 * 0.4 / N**0.5)
    # Less than half a pixel still does something, and down and right are independent.
    assert set(matrices_of(Translate(amount=0.001), 100)[:, 0, 2]) == {-1, 0, 1}
    assert abs(np.corrcoef(matrices[:, 0, 2], matrices[:, 1, 2])[0, 1]) < 5 / N**0.5


def test_rotation_is_by_a_uniform_angle():
    matrices = matrices_of(Rotate(degrees=30), N)
    angle = np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0])
    expected = np.stack(
        [
            np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1),
            np.stack([-np.sin(angle), np.cos(angle), 0 * angle], 1),
        ],
        axis=1,
    )
    np.testing.assert_allclose(matrices, expected, atol=1e-5)
    assert_uniform(np.rad2deg(angle), -30 - 1e-4, 30 + 1e-4)


def test_rotation_is_rot90_where_it_draws_a_quarter_turn(images):
    degrees = 1000.0  # beyond the recipe's range: so that some row is close to a quarter turn
    angle = np.rad2deg(np.arctan2(*matrices_of(Rotate(degrees=degrees), 50_000)[:, 0, 1::-1].T))
    row = int(np.argmin(np.abs(angle - 90)))
    square = images[:1, :6]
    turned = trained(Rotate(degrees=degrees), square, jnp.array([row]))
    np.testing.assert_allclose(turned, np.rot90(square, axes=(1, 2)), atol=0.02)


def test_zoom_enlarges_as_often_as_it_shrinks():
    matrices = matrices_of(Zoom(amount=0.5), N)
    factor = 1 / matrices[:, 0, 0]
    np.testing.assert_allclose(matrices[:, 1, 1], matrices[:, 0, 0])
    np.testing.assert_array_equal(matrices[:, 0, 1:], 0)
    assert_uniform(np.log(factor), -np.log(1.5) - 1e-5, np.log(1.5) + 1e-5)


def test_shear_slants_by_a_uniform_angle():
    matrices = matrices_of(Shear(degrees=20), N)
    np.testing.assert_array_equal(matrices[:, 0], np.broadcast_to([1, 0, 0], (N, 3)))
    np.testing.assert_array_equal(matrices[:, 1, 1:], np.broadcast_to([1, 0], (N, 2)))
    assert_uniform(np.rad2deg(np.arctan(matrices[:, 1, 0])), -20 - 1e-4, 20 + 1e-4)


@pytest.mark.parametrize("layer", [Translate(amount=0.3), Rotate(), Zoom(), Shear()])
@pytest.mark.parametrize("fill", ["edge", "zero"])
def test_a_move_is_the_warp_by_its_matrix(layer, fill, images):
    layer = type(layer)(fill=fill)
    matrices = matrices_of(layer, 5, height=8, width=6)
    expected = warped(images, jnp.asarray(matrices), fill=fill)
    np.testing.assert_allclose(trained(layer, images, jnp.arange(5)), expected, atol=1e-4)


def test_several_moves_are_one_warp_by_the_product_of_their_matrices():
    moves = (Translate(amount=0.3), Rotate(degrees=90), Zoom(amount=0.5), Shear(degrees=30))
    together = matrices_of(Warp(moves), 20)

    expected = np.broadcast_to(np.eye(3), (20, 3, 3))
    for i, move in enumerate(moves):
        matrices = matrices_of(move, 20, part=(i,))
        last = np.broadcast_to([[[0, 0, 1]]], (20, 1, 3))
        expected = expected @ np.concatenate([matrices, last], axis=1)
    np.testing.assert_allclose(together, expected[:, :2], atol=1e-4)


def test_moves_one_after_another_agree_with_one_pass_where_nothing_is_blurred(images):
    moves = (Translate(amount=0.2, fill="zero"), Translate(amount=0.1, fill="zero"))
    inside = jnp.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))  # so that nothing is lost
    rows = jnp.arange(5)
    np.testing.assert_array_equal(
        trained(Warp(moves), inside, rows), trained(Chain(moves), inside, rows)
    )


def test_neighbours_that_move_pixels_are_merged():
    zero = Rotate(fill="zero")
    layers = [Rotate(), Zoom(), Mirror(), Shear(), zero, Elastic(fill="zero"), GaussianNoise()]
    merged = merge_warps(layers)
    names = [type(layer).__name__ for layer in merged]
    assert names == ["Warp", "Mirror", "Shear", "Warp", "GaussianNoise"]
    assert merged[0].moves == tuple(layers[:2])
    assert merged[3].fill == "zero"
    assert merge_warps([]) == ()
    with pytest.raises(RecipeError, match=r"same fill; got \[\('Rotate', 'edge'\), \('Rotate'"):
        Warp((Rotate(), zero))
    with pytest.raises(RecipeError, match=r"one or more moves"):
        Warp(())


# Elastic deformation


@pytest.mark.catalogue("AUG-03")
def test_morphing_is_smooth_and_not_affine(rng):
    height, width, n = 28, 28, 40
    layer = Elastic(strength=34, smoothness=4)
    grid = jnp.arange(height, dtype=jnp.float32)[None, :, None], jnp.arange(width)[None, None] * 1.0
    down, _ = sources(layer, *grid, row_key(0, 0, jnp.arange(n)), height, width)
    down = np.asarray(down - grid[0])
    design = np.stack([np.ones(784), *np.mgrid[:28, :28].reshape(2, -1)], axis=1)
    fitted = design @ np.linalg.lstsq(design, down.reshape(n, -1).T, rcond=None)[0]
    unexplained = np.sum((down.reshape(n, -1).T - fitted) ** 2) / np.sum(down**2)
    assert unexplained > 0.5  # the best affine map leaves most of the deformation over
    inner = down[:, 10:-10, 10:-10]
    steps = np.diff(inner, axis=1)
    # A Gaussian kernel makes neighbours correlate by exp(-1 / 4 σ²).
    assert np.mean(steps**2) / np.mean(inner**2) == pytest.approx(2 - 2 * np.exp(-1 / 64), rel=0.2)
    usual = 34 / (2 * np.sqrt(3 * np.pi) * 4)
    assert usual == pytest.approx(1.4, abs=0.05)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(usual, rel=0.15)
    image = jnp.asarray(rng.uniform(size=(1, 28, 28, 1)), jnp.float32)
    unchanged = trained(Elastic(strength=0, smoothness=4), image, jnp.arange(1))
    np.testing.assert_array_equal(unchanged, image)


@pytest.mark.parametrize("sigma", [0.5, 2.0, 4.0])
def test_two_matrices_smooth_like_a_gaussian_filter(sigma, rng):
    noise = rng.uniform(-1, 1, size=(28, 20))
    smooth = gaussian_matrix(28, sigma) @ noise @ gaussian_matrix(20, sigma).T
    expected = gaussian_filter(noise, sigma, mode="constant", truncate=8)
    np.testing.assert_allclose(smooth, expected, atol=2e-3)


# Mirrors, crops


@pytest.mark.catalogue("AUG-07")
class TestPhotometric:
    """Brightness, contrast and the mirror, in the document's forms."""

    def test_the_mirror_exchanges_left_and_right_exactly(self, images):
        mirrored = trained(Mirror(horizontal=1.0), images, jnp.arange(5))
        for j in range(6):
            np.testing.assert_array_equal(mirrored[:, :, j], images[:, :, 6 - 1 - j])
        twice = trained(Mirror(horizontal=1.0), mirrored, jnp.arange(5))
        np.testing.assert_array_equal(twice, images)

    def test_gain_one_and_offset_zero_change_nothing(self, images):
        one = jnp.ones((5, 1, 1, 1))
        np.testing.assert_array_equal(photometric(images, one, 0 * one), images)

    def test_pixels_stay_pixels(self, rng):
        x = jnp.asarray(rng.uniform(size=(40, 6, 6, 3)), jnp.float32)
        gain, offset = rng.uniform(0, 3, (40, 1, 1, 1)), rng.uniform(-1, 1, (40, 1, 1, 1))
        y = photometric(x, jnp.asarray(gain, jnp.float32), jnp.asarray(offset, jnp.float32))
        np.testing.assert_allclose(y, np.clip(gain * x + offset, 0, 1), atol=1e-6)
        assert np.isin([0, 1], y).all()

    def test_scaled_pixels_stay_in_the_range_of_their_image(self, images):
        y = trained(Brightness(amount=5.0), images, jnp.arange(5))
        axes = (1, 2, 3)
        assert (y.max(axes) <= images.max(axes)).all()
        assert (y.min(axes) >= images.min(axes)).all()


def test_brightness_adds_one_number_to_an_image():
    image = np.array([0.4, 0.5, 0.6], np.float32).reshape(1, 3, 1)
    y = many(Brightness(amount=0.3), image, N)
    shift = y[:, 0, 0, 0] - 0.4
    np.testing.assert_allclose(
        y - image, np.broadcast_to(shift[:, None, None, None], y.shape), atol=1e-6
    )
    assert_uniform(shift, -0.3 - 1e-6, 0.3 + 1e-6)


def test_contrast_spreads_about_the_mean():
    image = np.array([0.4, 0.5, 0.6], np.float32).reshape(1, 3, 1)
    y = many(Contrast(amount=0.5), image, N)
    np.testing.assert_allclose(y[:, 0, 1, 0], 0.5, atol=1e-6)
    factor = (y[:, 0, 2, 0] - y[:, 0, 0, 0]) / 0.2
    assert_uniform(factor, 0.5 - 1e-5, 1.5 + 1e-5)


def test_mirrors_come_with_their_probabilities():
    image = np.arange(4.0, dtype=np.float32).reshape(2, 2, 1)
    y = many(Mirror(horizontal=0.5, vertical=0.25), image, N)[..., 0]
    sideways = y[:, 0, 0] > y[:, 0, 1]
    upside_down = y[:, 0, 0] > y[:, 1, 0]
    assert sideways.mean() == pytest.approx(0.5, abs=5 * 0.5 / N**0.5)
    assert upside_down.mean() == pytest.approx(0.25, abs=5 * 0.5 / N**0.5)
    assert abs(np.corrcoef(sideways, upside_down)[0, 1]) < 5 / N**0.5


@pytest.mark.catalogue("AUG-04", "WE-23", "ERR-28")
def test_crops_are_as_many_as_there_are_places_and_all_distinct(rng):
    # Printed: 32² = 1024 crops of 224 out of 256, 2048 with mirror images; both ends make it 33².
    assert (256 - 224) ** 2 == 1024
    assert 2 * (256 - 224) ** 2 == 2048
    assert n_crops(256, 224) == 33**2 == 1089
    assert len(ten_crops(np.zeros((1, 256, 256, 1)), 224)) == 10
    image = rng.uniform(size=(8, 8, 1)).astype(np.float32)
    every = {image[i : i + 5, j : j + 5].tobytes() for i in range(4) for j in range(4)}
    assert len(every) == n_crops(8, 5)
    drawn = [crop.tobytes() for crop in many(Crop(padding=0, size=5), image, N)]
    assert set(drawn) == every
    counts = np.unique(drawn, return_counts=True)[1]
    np.testing.assert_allclose(counts / N, 1 / 16, atol=5 * 0.25 / N**0.5)
    mirrored = Chain((Crop(padding=0, size=5), Mirror()))
    assert len({crop.tobytes() for crop in many(mirrored, image, N)}) == 2 * n_crops(8, 5)


@pytest.mark.parametrize(("fill", "mode"), [("edge", "edge"), ("zero", "constant")])
def test_a_padded_crop_is_cut_from_the_padded_image(fill, mode, rng):
    image = rng.uniform(size=(5, 6, 2)).astype(np.float32)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode=mode)
    every = {padded[i : i + 5, j : j + 6].tobytes() for i in range(5) for j in range(5)}
    assert {crop.tobytes() for crop in many(Crop(padding=2, fill=fill), image, 1000)} == every


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(RecipeError, match="windows of 9x9 pixels; the images have 8x8"):
        Crop(size=9)(jnp.ones((1, 8, 8, 1)), ())
    with pytest.raises(RecipeError, match="windows of 4x40 pixels"):
        Crop(size=(4, 40)).output_shape((32, 32, 3))
    assert Crop().output_shape((32, 30, 3)) == (32, 30, 3)


@pytest.mark.catalogue("AUG-06")
def test_ten_crops_are_distinct_and_their_predictions_are_averaged(rng):
    images = rng.uniform(size=(3, 9, 8, 2)).astype(np.float32)
    crops = ten_crops(images, (6, 5))
    assert crops.shape == (10, 3, 6, 5, 2)
    assert len({crop.tobytes() for crop in crops}) == 10
    corners = [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1)]
    for i, (top, left) in enumerate(corners):
        piece = images[:, top : top + 6, left : left + 5]
        np.testing.assert_array_equal(crops[i], piece)
        np.testing.assert_array_equal(crops[i + 5], piece[:, :, ::-1])
    weight = rng.normal(size=(60, 4)).astype(np.float32)

    def predict(x):
        return jax.nn.softmax(jnp.asarray(x).reshape(len(x), -1) @ weight)

    expected = np.mean([predict(crop) for crop in crops], axis=0)
    average = ten_crop_average(predict, images, (6, 5))
    np.testing.assert_allclose(average, expected, rtol=1e-6)
    np.testing.assert_allclose(np.sum(average, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(ten_crops(jnp.asarray(images), (6, 5)), crops)
    with pytest.raises(DataError, match="cuts 10x10 pixels; the images have 9x8"):
        ten_crops(images, 10)


# Colour, masks


@pytest.mark.catalogue("AUG-05")
class TestPcaColour:
    """x' = x + Σ a_j λ_j p_j."""

    def test_no_deviation_changes_nothing(self, images):
        same = trained(PcaColour(std=0.0, covariance=np.eye(3)), images, jnp.arange(5))
        np.testing.assert_array_equal(same, images)

    def test_every_pixel_is_shifted_alike_along_the_eigenvectors(self, rng):
        # Colours on a plane: the third eigenvalue is 0, so nothing may leave the plane.
        plane = np.linalg.qr(rng.normal(size=(3, 3)))[0][:, :2]
        colours = rng.normal(size=(20, 8, 8, 2)) * [2, 0.5] @ plane.T
        covariance = colour_covariance(colours)
        values, vectors = np.linalg.eigh(covariance)
        image = colours[0].astype(np.float32)
        for own in (False, True):
            layer = PcaColour(std=0.1, covariance=None if own else covariance)
            y = many(layer, image, N)
            shift = (y - image)[:, 0, 0]
            everywhere = np.broadcast_to(shift[:, None, None], y.shape)
            np.testing.assert_allclose(y - image, everywhere, atol=1e-5)
            if own:
                values, vectors = np.linalg.eigh(colour_covariance(colours[:1]))
            along = shift @ vectors
            np.testing.assert_allclose(along[:, 0], 0, atol=1e-5)
            # a_j = along / λ_j are independent normal numbers of deviation 0.1.
            a = along[:, 1:] / values[1:]
            np.testing.assert_allclose(a.std(axis=0), 0.1, rtol=5 / np.sqrt(2 * N))
            np.testing.assert_allclose(a.mean(axis=0), 0, atol=5 * 0.1 / N**0.5)
            assert abs(np.corrcoef(a.T)[0, 1]) < 5 / N**0.5

    def test_the_covariance_is_that_of_all_pixels(self, rng):
        x = rng.uniform(size=(4, 5, 6, 3))
        expected = np.cov(x.reshape(-1, 3).T, bias=True)
        np.testing.assert_allclose(colour_covariance(x), expected, atol=1e-12)


def test_masking_zeroes_its_share_and_leaves_the_rest_as_it_is():
    x = jnp.full((100, 200), 3.0)
    for rate in (0.3, 1.0):
        y = trained(Masking(rate=rate), x, jnp.arange(100))
        assert set(np.unique(y)) <= {0.0, 3.0}
        assert jnp.mean(y == 0) == pytest.approx(rate, abs=5 * 0.5 / x.size**0.5)


# Labels, and what it is all for


def digits():
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (pixels[order] / 16).reshape(-1, 8, 8, 1).astype(np.float32), labels[order]


def neighbour_error(train, train_labels, test, labels):
    """Return the error of the nearest neighbour, which fits its training set without error."""
    a, b = (images.reshape(len(images), -1) for images in (test, train))
    nearest = np.argmin((b**2).sum(axis=1)[None] - 2 * a @ b.T, axis=1)
    return np.mean(train_labels[nearest] != labels)


@pytest.mark.catalogue("AUG-01")
def test_over_fitting_fades_with_more_data_and_with_augmented_data():
    x, y = digits()
    test, labels = x[1000:], y[1000:]
    sizes = (25, 50, 100, 250, 1000)
    errors = [neighbour_error(x[:n], y[:n], test, labels) for n in sizes]
    assert all(more < 0.8 * fewer for fewer, more in pairwise(errors))
    layer = Warp((Rotate(degrees=15), Shear(degrees=10), Elastic(strength=3, smoothness=2)))
    gains = []
    for start in range(0, 1000, 100):
        few, few_labels = x[start : start + 100], y[start : start + 100]
        made = [trained(layer, few, jnp.arange(100), step=step) for step in range(8)]
        more = np.concatenate([few, *made])
        augmented = neighbour_error(more, np.tile(few_labels, 9), test, labels)
        gains.append(neighbour_error(few, few_labels, test, labels) - augmented)
    assert np.mean(gains) > 3 * np.std(gains, ddof=1) / len(gains) ** 0.5


def test_mirroring_destroys_the_labels_of_digits_and_a_small_turn_does_not():
    x, y = digits()
    train, test, labels = (x[:1000], y[:1000]), x[1000:], y[1000:]
    rows = jnp.arange(len(test))
    mirrored = np.asarray(trained(Mirror(horizontal=1.0), test, rows))
    turned = np.asarray(trained(Rotate(degrees=15), test, rows))
    assert neighbour_error(*train, mirrored, labels) > 0.5
    assert neighbour_error(*train, turned, labels) < 0.1
    symmetric = np.isin(labels, [0, 8])  # they are, so their labels survive
    assert neighbour_error(*train, mirrored[symmetric], labels[symmetric]) < 0.2
    assert "digits" in Mirror.spoils
    assert Masking.spoils == ""


@pytest.mark.parametrize("layer", [*AUGMENTATIONS.values()])
def test_every_augmentation_says_whose_labels_it_spoils(layer):
    if layer is not GaussianNoise:
        assert layer.kind == "augmentation"
        assert isinstance(layer.spoils, str)


# Text


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("translate 0.1", Translate(amount=0.1)),
        ("rotate 15", Rotate(degrees=15)),
        ("Rotate  15 ZERO", Rotate(degrees=15, fill="zero")),
        ("rotate", Rotate()),
        ("zoom .1", Zoom(amount=0.1)),
        ("shear 1e1", Shear(degrees=10)),
        ("mirror", Mirror()),
        ("mirror 0.5 0.5", Mirror(horizontal=0.5, vertical=0.5)),
        ("brightness 0.2", Brightness(amount=0.2)),
        ("contrast 0.2", Contrast(amount=0.2)),
        ("crop 4", Crop(padding=4)),
        ("crop 4 zero", Crop(padding=4, fill="zero")),
        ("crop 0 24", Crop(padding=0, size=24)),
        ("crop 0 24x20", Crop(padding=0, size=(24, 20))),
        ("elastic 34 4", Elastic(strength=34, smoothness=4)),
        ("elastic 8 2 zero", Elastic(strength=8, smoothness=2, fill="zero")),
        ("colour 0.1", PcaColour(std=0.1)),
        ("noise 0.1", GaussianNoise(std=0.1)),
        ("mask 0.3", Masking(rate=0.3)),
    ],
)
def test_a_text_names_an_augmentation(text, layer):
    assert eqx.tree_equal(parse_augmentation(text), layer)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is a word and its numbers, such as 'rotate 15'; got ''\. Known: translate,"),
        ("  ", "is a word and its numbers"),
        ("rotat 15", r"Unknown augmentation 'rotat'\. Did you mean 'rotate'\?"),
        ("15 rotate", "Unknown augmentation '15'"),
        (
            "rotate fifteen",
            r"'fifteen' in 'rotate fifteen' is not .* a number \(degrees\), edge, zero",
        ),
        ("rotate 15 10", r"Too many numbers in 'rotate 15 10': at most 1 \(degrees\)"),
        ("rotate 200", r"'rotate 200' needs 0 <= degrees <= 180; got 200"),
        ("shear 90", r"needs 0 <= degrees < 90; got 90"),
        ("translate -0.1", r"needs 0 <= amount <= 1; got -0\.1"),
        ("elastic 34 0", r"needs 0 < smoothness; got 0"),
        ("zoom 1e999", r"needs 0 <= amount; got 1e999"),
        ("zoom nan", "'nan' in 'zoom nan' is not understood"),
        ("crop 24x24", r"'crop 24x24' needs 0 <= padding; got 24x24"),
        ("crop 4 2.5", r"size in 'crop 4 2\.5' is in whole pixels, such as 24 or 24x32; got 2\.5"),
        ("crop 4 24 3", r"Too many numbers .* at most 2 \(padding, size\)"),
        ("rotate 15 zero edge", r"'edge' in .* expected nothing more"),
        ("rotate zero zero", r"'zero' in .* expected a number \(degrees\)\."),
        ("mirror zero", r"expected a number \(horizontal\), a number \(vertical\)"),
    ],
)
def test_a_text_that_names_none_says_what_was_expected(text, message):
    with pytest.raises(RecipeError, match=message):
        parse_augmentation(text)


def test_texts_become_layers_with_moves_in_one_pass():
    layers = parse_augmentations(["rotate 15", "elastic 34 4", "mirror", "noise 0.1"])
    assert [type(layer).__name__ for layer in layers] == ["Warp", "Mirror", "GaussianNoise"]
    assert isinstance(layers[0], Augmentation)
    network = Sequential(layers)
    x = jnp.ones((2, 8, 8, 1))
    y, _ = network(x, initial_state(network))
    np.testing.assert_array_equal(y, x)
