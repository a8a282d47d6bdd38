"""What a study will cost, said before it starts."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.training.forecast import (
    FILE,
    Costs,
    Forecast,
    forecast,
    format_seconds,
    learn,
    load,
    program_name,
)
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe

BASE = Recipe(hidden=(6,), batch_size=8, epochs=10)


@pytest.fixture(scope="module")
def task(classes_task):
    return classes_task()


def predicted(task, runs, **options):
    return forecast(plan(task, runs, workers=1), Costs(), **({"workers": 1} | options))


class TestForecast:
    def test_counts_runs_groups_and_programs(self, task):
        recipes = [BASE, BASE.replace(optimizer="sgd"), BASE.replace(batch_size=16)]
        found = predicted(task, [Run(r, s) for r in recipes for s in range(2)])
        assert (found.runs, found.groups, found.programs) == (6, 3, 2)
        assert str(found).startswith("6 runs, 3 groups in 2 programs, about ")

    def test_grows_with_runs_and_epochs(self, task):
        one = predicted(task, [Run(BASE, 0)])
        two = predicted(task, [Run(BASE, 0), Run(BASE, 1)])
        longer = predicted(task, [Run(BASE.replace(epochs=20), 0)])
        assert two.train_seconds == pytest.approx(2 * one.train_seconds)
        assert longer.train_seconds == pytest.approx(2 * one.train_seconds)
        assert one.compile_seconds == two.compile_seconds == longer.compile_seconds

    def test_shares_runs_among_workers_but_no_run(self, task):
        runs = [Run(BASE, seed) for seed in range(4)]
        alone = predicted(task, runs).train_seconds
        assert predicted(task, runs, workers=2).train_seconds == pytest.approx(alone / 2)
        assert predicted(task, runs[:1], workers=2).train_seconds == pytest.approx(alone / 4)

    def test_knows_what_is_compiled_already(self, task):
        made = plan(task, [Run(BASE, 0)], workers=1)
        known = frozenset(program_name(made, program) for program in made.programs)
        fresh = forecast(made, Costs(), workers=1)
        cached = forecast(made, Costs(), workers=1, known=known)
        assert cached.compile_seconds < fresh.compile_seconds
        assert cached.train_seconds == fresh.train_seconds

    def test_of_nothing_is_nothing(self, task):
        found = predicted(task, [])
        assert (found.runs, found.programs, found.seconds) == (0, 0, 0.0)


class TestProgramName:
    def test_is_equal_exactly_for_programs_that_compile_to_the_same(self, task, classes_task):
        def name(recipe, seed=0, of=task):
            made = plan(of, [Run(recipe, seed)], workers=1)
            return program_name(made, made.programs[0])

        assert name(BASE) == name(BASE, seed=7) == name(BASE.replace(learning_rate=0.5))
        others = [
            name(BASE.replace(hidden=(7,))),
            name(BASE.replace(optimizer="sgd")),
            name(BASE.replace(activation="tanh")),
            name(BASE, of=classes_task(30, 9)),
        ]
        assert len({name(BASE), *others}) == 5


class TestLearning:
    FORECAST = Forecast(runs=10, groups=1, programs=1, compile_seconds=1.0, train_seconds=2.0)

    def learnt(self, folder, costs=None, **seconds):
        known = frozenset({"old"})
        options = {"compile_seconds": 1.0, "train_seconds": 2.0, "compiled": frozenset({"new"})}
        learn(folder, costs or Costs(), known, self.FORECAST, **(options | seconds))
        return load(folder)

    def test_goes_half_of_the_way(self, tmp_path):
        costs, known = self.learnt(tmp_path, train_seconds=4.5)
        assert costs.step == pytest.approx(Costs().step * 1.5)  # √2.25
        assert costs.flops_per_second == pytest.approx(Costs().flops_per_second / 1.5)
        assert costs.program == pytest.approx(Costs().program)
        assert known == {"old", "new"}

    def test_comes_to_the_machines_own_costs(self, tmp_path):
        costs = Costs()
        true_step = 5 * costs.step
        for _ in range(12):
            took = 2.0 * true_step / costs.step
            costs, _ = self.learnt(tmp_path, costs, train_seconds=took)
        assert costs.step == pytest.approx(true_step, rel=0.01)

    def test_one_odd_study_spoils_little(self, tmp_path):
        costs, _ = self.learnt(tmp_path, train_seconds=1e6, compile_seconds=1e-6)
        assert costs.step < 2 * Costs().step
        assert costs.program > Costs().program / 2

    def test_nothing_measured_changes_nothing(self, tmp_path):
        costs, _ = self.learnt(tmp_path, train_seconds=0.0, compile_seconds=0.0)
        assert costs == Costs()

    @pytest.mark.parametrize(
        "content",
        ["", "{", "[]", "3", "{}", '{"costs": {}}', '{"costs": 3, "programs": []}',
         '{"costs": {"other": 1}, "programs": []}', '{"costs": {"step": "x"}, "programs": []}',
         '{"costs": {"step": -1.0}, "programs": []}', '{"costs": {}, "programs": 3}'],
    )  # fmt: skip
    def test_a_damaged_file_is_forgotten(self, content, tmp_path):
        (tmp_path / FILE).write_text(content)
        costs, known = load(tmp_path)
        assert costs == Costs()
        assert known == frozenset()

    def test_a_folder_that_can_not_be_written_is_no_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        assert self.learnt(tmp_path / "file" / "cache") == (Costs(), frozenset())

    def test_is_plain_json(self, tmp_path):
        self.learnt(tmp_path)
        content = json.loads((tmp_path / FILE).read_text())
        assert set(content["costs"]) == {field.name for field in dataclasses.fields(Costs)}


@given(st.floats(0, 1e7))
def test_durations_are_for_people(seconds):
    text = format_seconds(seconds)
    assert len(text) <= 16
    assert "60 s" not in text
    assert "60 min" not in text
