"""What the doctor examines of Gradlab's own: a recipe on a task."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gradlab.doctor.evidence import Breakdown, DataFacts, Record, Setup
from gradlab.doctor.finding import Change
from gradlab.doctor.recipe_changes import OF_TASK, changed_recipe, changed_task
from gradlab.doctor.recipe_runs import train_recipes
from gradlab.doctor.recipe_setup import setup_of
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.estimators.network import Network
from gradlab.estimators.training import task_of
from gradlab.lab.defaults import usual_recipe
from gradlab.lab.first_layers import with_reducers
from gradlab.lab.preparation import prepare, preprocessor_for, read_data, read_kept
from gradlab.lab.question import Source
from gradlab.lab.study import Study
from gradlab.training.plan import Run
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of
from gradlab.training.task import Task, make_task


@dataclasses.dataclass(frozen=True, eq=False)
class RecipeSubject:
    """A recipe on a task, which can be trained again with the same numbers; a `Subject`.

    Args:
        name: For people.
        recipe: How it is trained.
        task: What is learnt.
        split: Of the task.
        scaling: Of the inputs, as `Setup` says it.
        target_scaling: Of a regression's targets.
        columns: Names of the inputs of a table.
        seed: Of the run that is meant, if there is one.
        notes: What was decided about the data.
    """

    name: str
    recipe: Recipe
    task: Task
    split: int = 0
    scaling: str = "none"
    target_scaling: str | None = None
    columns: tuple[str, ...] = ()
    seed: int = 0
    notes: tuple[str, ...] = ()
    alone: set[tuple] = dataclasses.field(default_factory=set, repr=False)
    """Structures that have a compiled program of their own, shared by all that come of this."""

    @property
    def setup(self) -> Setup:
        """How it is set."""
        setup = setup_of(
            self.recipe,
            self.task,
            seed=self.seed,
            scaling=self.scaling,
            target_scaling=self.target_scaling,
        )
        judged = len(self.task.splits[self.split][1])
        return dataclasses.replace(setup, validation="separate" if judged else "none")

    def facts(self) -> DataFacts:
        """Look at its data; test rows are not read."""
        from gradlab.doctor.checks import data_facts

        task = self.task
        train, validation = task.splits[self.split]
        x, judged = task.inputs(train, self.split), task.inputs(validation, self.split)
        rebuilt = task.kind == "reconstruction"
        return data_facts(
            x,
            x.reshape(len(x), -1) if rebuilt else task.y[train],
            judged if len(validation) else None,
            (judged.reshape(len(judged), -1) if rebuilt else task.y[validation])
            if len(validation)
            else None,
            task=task.kind,
            lengths=None if task.lengths is None else task.lengths[train],
            names=self.columns or None,
            tokens=task.n_tokens is not None,
        )

    def changed(self, changes: Sequence[Change]) -> "RecipeSubject | None":
        """Return it with some settings changed; None if a recipe can't say that."""
        recipe = changed_recipe(self.recipe, self.task, changes)
        if recipe is None:
            return None
        of_task = [change for change in changes if change.setting in OF_TASK]
        if not of_task:
            return dataclasses.replace(self, recipe=recipe)
        task = changed_task(self.task, self.split, of_task, self.columns)
        if task is None:
            return None
        values = {change.setting: change.value for change in of_task}
        dropped = "drop_columns" in values
        return dataclasses.replace(
            self,
            recipe=recipe,
            task=task,
            alone=set(),
            split=0,
            scaling=str(values.get("scaling", self.scaling)),
            target_scaling=values.get("target_scaling", self.target_scaling),
            columns=() if dropped else self.columns,
        )

    def as_file(self) -> tuple[str, str]:
        """Return name and content of a file for `gradlab train DATA --recipe FILE`."""
        import tomli_w

        lines = ["# gradlab train DATA --recipe cured.toml"]
        if self.scaling != "none":
            lines.append(f"# inputs: {self.scaling} scaling (--scaling)")
        return "cured.toml", "\n".join(lines) + "\n\n" + tomli_w.dumps(
            {"recipe": _plain_words(self.recipe.describe())}
        )

    def on_rows(self, n_rows: int) -> "RecipeSubject":
        """Return it with so many rows of its training part alone, and none to judge by."""
        train, _ = self.task.splits[self.split]
        chosen = np.random.Generator(np.random.Philox(key=0)).permutation(train)[:n_rows]
        splits = list(self.task.splits)
        splits[self.split] = (chosen.astype(np.int32), train[:0])
        task = dataclasses.replace(self.task, splits=tuple(splits))
        recipe = self.recipe.replace(patience=None)
        return dataclasses.replace(self, task=task, recipe=recipe, alone=set())

    def train(
        self, seeds: Sequence[int], *, probes: bool = True, epochs: int | None = None
    ) -> list[Record]:
        """Train it from several seeds at once, the same numbers for a seed every time.

        Args:
            seeds: One run each.
            probes: Measure inside as well.
            epochs: Instead of its own number.
        """
        return self.train_many([self], seeds, probes=probes, epochs=epochs)[0]

    @staticmethod
    def train_many(
        subjects: Sequence["RecipeSubject"],
        seeds: Sequence[int],
        *,
        probes: bool = False,
        epochs: int | None = None,
    ) -> list[list[Record]]:
        """Train several; those on one task share their programs."""
        records: list[list[Record]] = [[] for _ in subjects]
        for task in {id(s.task): s.task for s in subjects}.values():
            own = [i for i, s in enumerate(subjects) if s.task is task]
            recipes = [_for_epochs(subjects[i], epochs) for i in own]
            places = [_places(subjects[i]) if probes else [] for i in own]
            trained = train_recipes(
                task,
                recipes,
                seeds,
                split=subjects[own[0]].split,
                probes=probes,
                places=places,
                alone=subjects[own[0]].alone,
            )
            for i, result in zip(own, trained, strict=True):
                records[i] = result
        return records

    def breakdown(self, seed: int) -> Breakdown | None:
        """Train a run again and look for its first number that is not finite."""
        from gradlab.doctor.breakdown import words_of
        from gradlab.explanation.first_non_finite import first_non_finite

        found = first_non_finite(self.task, Run(self.recipe, seed, self.split))
        if found is None:
            return None
        layer = None if found.layer is None else self.setup.weighted[found.layer]
        words = words_of(found.what, layer, own=found.own)
        return Breakdown(found.step, found.epoch, found.layer, words)

    def score_on_fresh(self, seeds: Sequence[int], *, epochs: int | None = None) -> list[float]:
        """Train; return each seed's validation score, without such rows that of training.

        With patience it is the score of the weights that are kept. A run that diverged has
        learnt nothing and gets the score of a constant answer.
        """
        scores = []
        for record in self.train(seeds, probes=False, epochs=epochs):
            if record.status == "diverged":
                trivial = self.task.trivial_score
                scores.append(trivial if np.isfinite(trivial) else 0.0)
                continue
            judged = len(self.task.splits[self.split][1])
            series = record.validation_score if judged else record.train_score
            best = -1
            if judged and self.recipe.patience is not None:
                best = int(np.nanargmin(record.validation_loss))
            scores.append(float(series[best]))
        return scores


def _plain_words(value: Any) -> Any:
    """Return content that TOML can hold."""
    if isinstance(value, dict):
        return {key: _plain_words(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain_words(part) for part in value]
    return value


def _places(subject: RecipeSubject) -> list[str]:
    return [layer.place for layer in subject.setup.weighted]


def _for_epochs(subject: RecipeSubject, epochs: int | None) -> Recipe:
    if epochs is None:
        return subject.recipe
    recipe = changed_recipe(subject.recipe, subject.task, [Change("epochs", epochs)])
    assert recipe is not None
    return recipe


def subject_of_data(
    data: Any = "digits",
    recipe: Recipe | None = None,
    source: Source | None = None,
    seed: int = 0,
) -> RecipeSubject:
    """Return a recipe on data, split and scaled as `gradlab train` does.

    Args:
        data: Whatever `load_dataset` takes.
        recipe: What to train.
        source: How the data is read, split and scaled.
        seed: Of the split.

    Raises:
        DataError: If the data can't be read or learnt from.
        RecipeError: If the recipe does not fit the data.

    >>> subject_of_data("iris", Recipe(hidden=(8,))).setup.weighted[0].place
    'hidden[0]'
    """
    from gradlab.data import TextPreprocessor, in_vocabulary, split_rows

    recipe, source = recipe or Recipe(), source or Source()
    dataset = read_data(data, source)
    split = split_rows(dataset, ratios=source.ratios, seed=seed)
    recipe = usual_recipe(recipe, dataset)
    preprocessor = preprocessor_for(dataset, split.train, [recipe], scaling=source.scaling)
    if isinstance(preprocessor, TextPreprocessor) and dataset.y.ndim == 2:
        dataset = in_vocabulary(dataset, preprocessor)
    task, told = with_reducers(make_task(dataset, split, preprocessor), [recipe])
    return RecipeSubject(
        name=task.name,
        recipe=recipe,
        task=task,
        scaling=_scaling_words(source.scaling, task),
        target_scaling="standard",
        columns=_names(preprocessor, task),
        seed=seed,
        notes=(*dataset.notes, *split.notes, *preprocessor.notes, *told),
    )


def subject_of_run(study: Study, run: str) -> RecipeSubject:
    """Return a run of a study on its own rows; trained from its seed it has the same numbers.

    Args:
        study: Opened.
        run: Its ID, or how it begins.

    Raises:
        StudyError: If the study has no such run, its data has changed, or the run's recipe holds a
            Python object.
        DataError: If its data can't be read any more.
    """
    found = [one for one in study.runs if one.id.startswith(run)]
    if len(found) != 1:
        several = f"{len(found)} runs of {study.folder} begin" if found else "No run begins"
        raise StudyError(
            f"{several} with '{run}'. Their IDs stand in `study.results` and in `gradlab show "
            f"{study.folder}`."
        )
    stored, question = found[0], study.question
    dataset = read_kept(study.source)
    task, notes = prepare(dataset, question)
    if task.fingerprint() != study.facts.fingerprint:
        raise StudyError(
            f"The data of the study in {study.folder} has changed since, so that its runs can't "
            "be repeated. Bring the old data back."
        )
    try:
        recipe = Recipe(**stored.recipe)
    except RecipeError as error:
        raise StudyError(f"Run {stored.id} of {study.folder} can't be repeated: {error}") from None
    return RecipeSubject(
        name=f"{study.facts.name}, {stored.cell or 'base'}, seed {stored.seed}",
        recipe=recipe,
        task=task,
        split=stored.split,
        scaling=_scaling_words(question.data.scaling, task),
        target_scaling="standard",
        seed=stored.seed,
        notes=notes,
    )


def subject_of_estimator(
    estimator: Any,
    x: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    validation: tuple[Any, Any] | None = None,
) -> RecipeSubject:
    """Return what a fitted classifier or regressor was fitted by, on rows given again.

    An estimator keeps its recipe and its weights, not its rows. With the same rows, weights and
    validation rows, training from its seed repeats the fit.

    Args:
        estimator: Fitted.
        x, y: Rows that it was fitted to.
        sample_weight: As in `fit`.
        validation: As in `fit`.

    Raises:
        RecipeError: If rows are missing, or it is no network that learns from X and y.
    """
    if not isinstance(estimator, Network) or not hasattr(estimator, "_rows"):
        raise RecipeError(
            f"Expected one of Gradlab's networks, a classifier or a regressor; got "
            f"{type(estimator).__name__}. Give data with a recipe instead."
        )
    check_is_fitted(estimator, "model_")
    model: Any = estimator.model_
    if x is None or (y is None and model.kind in ("binary", "multiclass", "regression")):
        raise RecipeError(
            f"A {type(estimator).__name__} does not keep the rows it was fitted to; give them "
            "again, as x and y."
        )
    if model.kind not in ("binary", "multiclass", "regression"):
        raise RecipeError(
            f"A {type(estimator).__name__} does not learn from X and y; give data with a recipe "
            "instead."
        )
    trained = estimator._trained
    rows = estimator._rows(x, y, sample_weight, first=False)
    given = estimator._given_validation(validation)
    coded, judged = (None if r is None else _coded(estimator, r) for r in (rows, given))
    assert coded is not None
    labels = None if model.kind == "regression" else coded.y
    held = estimator._held_out(len(coded.y), trained.seed, given, labels)
    dtype = dtype_of(trained.network)
    examples = estimator._examples(coded.features, model.preprocessor, dtype)
    y_all, weights = coded.y, coded.weights
    if judged is not None:
        held = np.arange(len(y_all), len(y_all) + len(judged.y))
        examples = examples.followed_by(
            estimator._examples(judged.features, model.preprocessor, dtype)
        )
        y_all = np.concatenate([y_all, judged.y])
        weights = np.concatenate([weights, judged.weights])
    y_all = y_all.astype(dtype) if y_all.dtype.kind == "f" else y_all
    task = task_of(
        examples,
        y_all,
        weights,
        held,
        kind=model.kind,
        n_outputs=model.n_outputs,
        classes=model.classes,
    )
    scaled = getattr(model.preprocessor, "scaling", None)
    return RecipeSubject(
        name=type(estimator).__name__,
        recipe=trained.recipe,
        task=task,
        scaling=_scaling_words(str(scaled), task) if scaled else "none",
        target_scaling="standard" if getattr(estimator, "scale_target", False) else "none",
        columns=tuple(map(str, getattr(estimator, "feature_names_in_", ()))),
        seed=trained.seed,
    )


def _coded(estimator: Any, rows: Any) -> Any:
    """Return rows with their targets as the network learnt them."""
    model = estimator.model_
    if model.kind == "regression":
        shift, scale = np.atleast_2d(model.target_shift), np.atleast_2d(model.target_scale)
        return dataclasses.replace(rows, y=(rows.y - shift) / scale)
    strangers = np.setdiff1d(rows.y, estimator.classes_)
    if len(strangers):
        raise DataError(
            f"y holds labels that the estimator has not learnt: {strangers.tolist()}. Give the "
            "rows that it was fitted to."
        )
    return estimator._coded(rows, estimator.classes_)


def _scaling_words(scaling: str, task: Task) -> str:
    if task.x.dtype == np.uint8:
        return "divide_255"
    return {"minmax": "min_max"}.get(scaling, scaling)


def _names(preprocessor: Any, task: Task) -> tuple[str, ...]:
    names = getattr(preprocessor, "feature_names", ())
    fits = task.x.ndim == 2 and len(names) == task.x.shape[1]
    return tuple(names) if fits else ()
