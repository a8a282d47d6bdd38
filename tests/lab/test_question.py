"""What a study asks: read, checked, written and read again."""

import contextlib
import tomllib
from pathlib import Path

import numpy as np
import optax
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import gradlab as gl
from gradlab.errors import RecipeError, StudyError
from gradlab.lab.design import cells_of
from gradlab.lab.question import (
    MOST_SEED,
    MOST_SEEDS,
    Question,
    Source,
    Tuning,
    level_name,
    level_names,
    question_from_dict,
)
from gradlab.training.recipe import Recipe

PATH = Path("study.toml")


def written_and_read(question: Question) -> Question:
    """Return the question after a trip through its file."""
    return question_from_dict(tomllib.loads(tomli_w.dumps(question.to_dict())), PATH)


class TestFile:
    @pytest.mark.parametrize(
        "question",
        [
            Question(),
            Question(vary={"patience": [None, 3]}, seed=4, resample=True),
            Question(vary={"hidden": [(), 3, (4, 5)], "batch_size": [8, "full"]}),
            Question(vary={"shuffle": [True, False], "class_weight": [None, "balanced"]}),
            Question(vary={"norm": ["none", "batch"], "learning_rate": [1e-3, 3]}),
            Question(vary={"activation": ["relu", ("relu", "tanh")]}, base=Recipe(hidden=(3, 3))),
            Question(vary={"optimizer": ["sgd"]}, labels={"optimizer": ("plain",)}),
            Question(base=Recipe(layers=("dense 3", "dense 4 dropout 0.1"))),
            Question(base=Recipe(optimizer="momentum").replace(**{"optimizer.momentum": 0.5})),
            Question(design="random", samples=7, tuning=Tuning(learning_rates=0, seeds=1)),
            Question(data=Source(path="a b.csv", target="y", drop=("x", "z"), ratios=(7, 2, 1))),
        ],
    )
    def test_holds_all_that_decides_the_study(self, question):
        again = written_and_read(question)
        assert again.to_dict() == question.to_dict()
        assert [(c.name, c.recipe, c.tuned) for c in cells_of(again)] == [
            (c.name, c.recipe, c.tuned) for c in cells_of(question)
        ]
        assert again.data == question.data
        assert (again.seeds, again.seed, again.tuning) == (
            question.seeds,
            question.seed,
            question.tuning,
        )

    def test_can_not_hold_objects(self):
        question = Question(vary={"optimizer": [optax.adabelief(1e-3), "adam"]})
        with pytest.raises(RecipeError, match="A level of optimizer is an object of"):
            question.to_dict()

    @given(
        st.dictionaries(
            st.sampled_from([*Question.model_fields, "unknown", ""]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["optimizer", "path", "seeds", "hidden", "x"]), inner
                    )
                ),
                max_leaves=6,
            ),
            max_size=4,
        )
    )
    def test_edited_into_anything_is_one_error_or_a_question(self, content):
        with contextlib.suppress(StudyError):  # any other exception fails the test
            question_from_dict(content, PATH)


class TestSeeds:
    @given(
        st.integers(0, MOST_SEED - 1),
        st.integers(0, MOST_SEED - 1),
        st.integers(1, MOST_SEEDS),
        st.integers(1, MOST_SEEDS),
    )
    def test_of_tuning_and_judging_and_of_studies_never_meet(self, a, b, judging, tuning):
        def ranges(seed):
            question = Question(seed=seed, seeds=judging, tuning=Tuning(seeds=tuning))
            return question.judging_seeds(), question.tuning_seeds()

        parts = [*ranges(a), *(ranges(b) if a != b else ())]
        for i, first in enumerate(parts):
            for second in parts[:i]:
                assert first[-1] < second[0] or second[-1] < first[0]

    def test_more_seeds_keep_those_before(self):
        assert list(Question(seeds=5).judging_seeds())[:3] == list(
            Question(seeds=3).judging_seeds()
        )


class TestLevels:
    @given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False))
    def test_of_numbers_have_names_of_their_own(self, a, b):
        levels = (a,) if a == b else (a, b)
        names = level_names(Question(vary={"l2": levels}))["l2"]
        assert len(set(names)) == len(levels)

    def test_names_are_short(self):
        assert level_name(0.1 + 0.2) == "0.3"
        assert level_name(()) == "linear"

    def test_numpy_numbers_are_numbers(self):
        question = Question(vary={"dropout": np.array([0, 0.5]), "hidden": np.array([3, 4])})
        assert question.vary == {"dropout": (0.0, 0.5), "hidden": ((3,), (4,))}
        assert all(type(level) is float for level in question.vary["dropout"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vary": {}}, "vary must name settings and their levels"),
        ({"vary": ["sgd"]}, r"vary must name settings .*got \['sgd'\]"),
        ({"vary": {"optimizer": "sgd"}}, "the levels of optimizer must be a list; got 'sgd'"),
        ({"vary": {"optimizer": optax.adam(1e-3)}}, "the levels of optimizer must be a list"),
        ({"vary": {"dropout": 0.5}}, r"the levels of dropout must be a list; got 0.5"),
        ({"vary": {"dropout": []}}, "dropout has no levels"),
        ({"vary": {"epochs": [1, 2]}}, "epochs can't be varied; set it in the base recipe"),
        ({"vary": {"dropout": [0.5, 0.5]}}, r"dropout names the level 0.5 twice"),
        ({"vary": {"hidden": [3, (3,)]}}, "hidden names the level 3 twice"),
        ({"seeds": 0}, "seeds: input should be greater than or equal to 1; got 0"),
        ({"seeds": 10**9}, f"seeds: input should be less than or equal to {MOST_SEEDS}"),
        ({"seeds": "many"}, "seeds: input should be a valid integer.*got 'many'"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0; got -1"),
        ({"samples": 0}, "samples: input should be greater"),
        ({"design": "grid"}, "design: input should be 'one-at-a-time', 'factorial' or 'random'"),
        ({"sedes": 3}, "Unknown study option 'sedes'. Did you mean 'seeds'"),
        ({"tuning": {"rates": 3}}, "Unknown study option 'rates'"),
        ({"tuning": {"seeds": 0}}, "seeds: input should be greater than or equal to 1"),
        ({"data": {"task": "guess"}}, "task: input should be 'auto', 'binary'"),
        ({"data": {"ratios": (1, 2)}}, "ratios"),
        ({"base": {"optimizer": "adm"}}, "Did you mean 'adam'"),
        ({"labels": {"optimizer": ("a",)}}, "labels: optimizer has other levels than vary"),
        (
            {"vary": {"init": ["zeros", "constant"]}, "labels": {"init": ("a", "a")}},
            "labels: init has the same label twice",
        ),
    ],
)
def test_mistakes_are_one_clear_error(fields, message):
    with pytest.raises(RecipeError, match=message):
        Question(**fields)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gl.Tuning(seeds=0), "seeds: input should be greater than or equal to 1; got 0"),
        (lambda: gl.Tuning(learning_rates=26), "learning_rates: input should be less than"),
        (lambda: gl.Tuning(rates=3), "Unknown study option 'rates'"),
        (lambda: gl.Source(scaling="log"), "scaling: input should be 'standard', 'minmax' or"),
    ],
)
def test_so_are_mistakes_in_its_parts(make, message):
    with pytest.raises(RecipeError, match=message):
        make()
