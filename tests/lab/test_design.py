"""Which recipes a study compares."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.errors import RecipeError
from gradlab.lab.design import base_levels, cells_of
from gradlab.lab.question import DEFAULT_VARY, Question, Tuning
from gradlab.training.recipe import Recipe

VARY = {
    "optimizer": ["sgd", "adam", "rmsprop"],
    "dropout": [0.0, 0.5],
    "init": ["constant", "he_normal"],
}


class TestOneAtATime:
    def test_axes_share_the_base(self):
        cells = cells_of(Question(vary=VARY))
        assert len(cells) == 1 + 2 + 1 + 1
        (base,) = [cell for cell in cells if len(cell.levels) == 3]
        assert base.levels == {"optimizer": "adam", "dropout": "0", "init": "he_normal"}
        assert base.recipe == Recipe()

    def test_other_cells_differ_from_it_in_one_setting(self):
        for cell in cells_of(Question(vary=VARY)):
            if len(cell.levels) == 1:
                ((axis, name),) = cell.levels.items()
                changed = {
                    field
                    for field in Recipe.model_fields
                    if getattr(cell.recipe, field) != getattr(Recipe(), field)
                }
                assert changed == {axis}
                assert str(getattr(cell.recipe, axis)) == name

    def test_the_default_is_the_exercise_of_the_course(self):
        cells = cells_of(Question())
        assert {axis: len(levels) for axis, levels in DEFAULT_VARY.items()} == {
            "optimizer": 9,
            "init": 8,
            "activation": 8,
            "norm": 4,
            "dropout": 3,
        }
        assert len(cells) == 1 + 8 + 7 + 7 + 3 + 2
        assert all(cell.tuned for cell in cells)
        # 15 tuning runs and 10 judging runs each: about 700.
        assert len(cells) * (5 * 3 + 10) == 700

    def test_a_base_that_no_axis_lists_is_not_trained(self):
        cells = cells_of(Question(vary={"optimizer": ["sgd", "momentum"]}))
        assert [cell.levels for cell in cells] == [{"optimizer": "sgd"}, {"optimizer": "momentum"}]

    def test_the_base_counts_on_every_axis_that_lists_it(self):
        question = Question(vary={"optimizer": ["sgd"], "dropout": [0, 0.5], "l2": [0.1]})
        assert base_levels(question) == {"dropout": "0"}

    @pytest.mark.parametrize(
        ("axis", "levels", "base"),
        [
            ("learning_rate", [0.001, 0.1], "0.001"),
            ("optimizer.beta1", [0.9, 0.5], "0.9"),
            ("patience", [None, 3], "none"),
            ("hidden", [64, (64, 64)], "64"),
            ("norm", ["none", "batch"], "none"),
            ("batch_size", ["full", 32], "32"),
            ("optimizer", ["Adam", "sgd"], "Adam"),
        ],
    )
    def test_knows_the_base_level_however_it_is_given(self, axis, levels, base):
        question = Question(vary={axis: levels, "init": ["constant", "he_normal"]})
        assert base_levels(question) == {axis: base, "init": "he_normal"}
        assert len(cells_of(question)) == 3


class TestFactorial:
    def test_holds_every_combination_once(self):
        cells = cells_of(Question(vary=VARY, design="factorial"))
        found = {tuple(cell.levels[axis] for axis in VARY) for cell in cells}
        assert len(cells) == len(found) == 3 * 2 * 2
        names = [[str(level).replace("0.0", "0") for level in levels] for levels in VARY.values()]
        assert found == set(itertools.product(*names))

    def test_too_many_are_refused(self):
        vary = {f"l{i}": [j / 100 for j in range(400)] for i in (1, 2)}
        with pytest.raises(RecipeError, match=r"has 160,000 combinations; at most 100,000 are"):
            cells_of(Question(vary=vary, design="factorial"))


class TestRandom:
    @settings(max_examples=20)
    @given(st.integers(1, 15), st.integers(0, 100))
    def test_draws_different_cells_of_the_factorial(self, samples, seed):
        drawn = cells_of(Question(vary=VARY, design="random", samples=samples, seed=seed))
        every = {cell.name for cell in cells_of(Question(vary=VARY, design="factorial"))}
        names = [cell.name for cell in drawn]
        assert len(set(names)) == len(names) == min(samples, 12)
        assert set(names) <= every

    def test_is_drawn_by_the_seed(self):
        def names(seed):
            question = Question(vary=VARY, design="random", samples=4, seed=seed)
            return [cell.name for cell in cells_of(question)]

        assert names(1) == names(1)
        assert len({tuple(names(seed)) for seed in range(20)}) > 10

    def test_needs_no_list_of_all(self):
        vary = {
            axis: [j / 10_000 for j in range(5000)] for axis in ("l1", "l2", "noise", "dropout")
        }
        cells = cells_of(Question(vary=vary, design="random", samples=30))
        assert len({cell.name for cell in cells}) == 30


class TestTuning:
    def test_is_off_where_the_learning_rate_is_asked_for(self):
        for question in (
            Question(vary={"optimizer": ["sgd"]}, tuning=Tuning(learning_rates=0)),
            Question(vary={"learning_rate": [0.1, 0.2], "init": ["constant"]}),
            Question(vary={"optimizer": ["sgd", "adam"]}, base=Recipe(learning_rate=0.1)),
        ):
            assert not any(cell.tuned for cell in cells_of(question))

    def test_a_base_rate_holds_for_other_optimizers(self):
        question = Question(vary={"optimizer": ["sgd", "adam"]}, base=Recipe(learning_rate=0.1))
        assert {cell.recipe.rate() for cell in cells_of(question)} == {0.1}


class TestMistakes:
    @pytest.mark.parametrize(
        ("vary", "message"),
        [
            ({"optimizer": ["adm"]}, "optimizer=adm: Unknown optimizer 'adm'. Did you mean 'adam'"),
            ({"optimzer": ["adam"]}, "Unknown recipe field 'optimzer'. Did you mean 'optimizer'"),
            ({"optimizer.beta7": [0.5]}, r"'adam' has no parameter 'beta7'"),
            ({"dropout": [0.5, 1.5]}, r"dropout=1.5: dropout: input should be less than"),
            ({"hidden": [-3]}, r"hidden=-3: .*greater than or equal to 1; got -3"),
            ({"patience": [40]}, r"patience=40: patience=40 never stops a run of epochs=30"),
            ({"optimizer": ["adam", "ADAM"]}, "optimizer=adam and optimizer=ADAM are the same"),
        ],
    )
    def test_name_the_level(self, vary, message):
        with pytest.raises(RecipeError, match=message):
            cells_of(Question(vary=vary))
