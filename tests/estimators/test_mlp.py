"""MLPClassifier and MLPRegressor: what they promise beyond scikit-learn's contract."""

import pickle

import jax
import numpy as np
import optax
import polars as pl
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.estimators import MLPClassifier, MLPRegressor
from gradlab.estimators.training import held_out
from gradlab.training import executors
from gradlab.training.plan import Run, plan
from gradlab.training.predict import forward


@pytest.fixture(scope="module")
def classes():
    """Three overlapping classes in six columns, 120 rows, float32."""
    x, y = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
    return x.astype(np.float32), y


@pytest.fixture(scope="module")
def numbers():
    """A smooth function of six columns far from 0 and 1, and a second one of another size."""
    x = np.random.default_rng(1).standard_normal((120, 6)).astype(np.float32)
    y = np.stack([500 + 40 * np.sin(x[:, 0]) + 20 * x[:, 1], 0.01 * x[:, 2] - 3], axis=1)
    return x, y.astype(np.float64)


def classifier(**settings) -> MLPClassifier:
    """Return a small one; tests that agree in shapes share its compiled programs."""
    return MLPClassifier(**{"hidden": (8,), "epochs": 4, "random_state": 0, **settings})


def regressor(**settings) -> MLPRegressor:
    return MLPRegressor(**{"hidden": (8,), "epochs": 4, "random_state": 0, **settings})


def weights_of(estimator) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(estimator.model_.network.layers)[:4]]


def assert_same_weights(one, other):
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


class TestWithScikitLearn:
    def test_digits_as_well_as_scikit_learns(self):
        # 1 % is what scikit-learn's MLPClassifier(max_iter=200) misses here by on these rows, to
        # one standard error of 600 test rows (0.6 points).
        x, y = load_digits(return_X_y=True)
        x_train, x_test, y_train, y_test = train_test_split(
            (x / 16).astype(np.float32), y, test_size=600, random_state=0, stratify=y
        )
        model = MLPClassifier(epochs=30, random_state=0).fit(x_train, y_train)
        assert model.score(x_test, y_test) > 0.965

    def test_diabetes_better_than_the_mean_where_scikit_learns_is_not(self):
        # R² of scikit-learn's own with default settings is about -1: it does not scale y.
        x, y = load_diabetes(return_X_y=True)
        model = make_pipeline(StandardScaler(), MLPRegressor(epochs=30, random_state=0))
        folds = KFold(3, shuffle=True, random_state=0)
        assert cross_val_score(model, x, y, cv=folds).mean() > 0.35

    def test_pipeline_search_and_cross_validation_compile_once(self):
        x, y = load_iris(return_X_y=True)
        network = MLPClassifier(hidden=(8,), epochs=30, random_state=0)
        model = make_pipeline(StandardScaler(), network)
        grid = {
            "mlpclassifier__learning_rate": [1e-4, 0.03],
            "mlpclassifier__init": ["zeros", "he_normal"],
            "mlpclassifier__schedule": ["constant", "cosine"],
        }
        executors._compiled.cache_clear()
        # 148 rows in four folds: each trains on 111, with the refit on 148 two shapes.
        search = GridSearchCV(model, grid, cv=4, error_score="raise").fit(x[1:149], y[1:149])
        assert executors._compiled.cache_info().misses == 2
        assert search.best_params_["mlpclassifier__learning_rate"] == 0.03
        assert search.best_params_["mlpclassifier__init"] == "he_normal"
        assert search.best_score_ > 0.93

    def test_folds_of_one_row_more_share_a_program(self, classes):
        x, y = classes
        classifier(epochs=1).fit(x[:97], y[:97])
        before = executors._compiled.cache_info().misses
        classifier(epochs=1).fit(x[:98], y[:98])
        assert executors._compiled.cache_info().misses == before

    def test_search_in_worker_processes(self, classes):
        # Settings and fitted estimators travel between processes: two would be told apart by more
        # than what they hold.
        x, y = classes
        fitted = classifier(norm="batch", dropout=0.2, activation="prelu").fit(x, y)
        travelled = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(travelled.predict_proba(x), fitted.predict_proba(x))
        assert_same_weights(travelled.partial_fit(x, y), fitted.partial_fit(x, y))

    def test_settings_survive_cloning(self):
        settings = {"hidden": (5, 4), "activation": ("tanh", "elu"), "parameters": {"init.std": 1}}
        assert (
            clone(MLPClassifier(**settings)).get_params() == MLPClassifier(**settings).get_params()
        )

    def test_numbers_of_a_search_may_be_numpys(self, classes):
        settings = {
            "hidden": np.array([8]),
            "epochs": np.int64(4),
            "dropout": np.float32(0),
            "learning_rate": np.float64(1e-3),
            "batch_size": np.int32(32),
        }
        plain = classifier(learning_rate=1e-3).fit(*classes)
        assert_same_weights(classifier(**settings).fit(*classes), plain)
        assert_same_weights(classifier(hidden=8).fit(*classes), plain)
        assert_same_weights(classifier(hidden=[8]).fit(*classes), plain)

    def test_names_of_columns_are_kept_and_checked(self, classes):
        x, y = classes
        table = pl.DataFrame(x, schema=list("abcdef"))
        model = classifier().fit(table, y)
        assert model.feature_names_in_.tolist() == list("abcdef")
        np.testing.assert_array_equal(model.predict(table), classifier().fit(x, y).predict(x))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(table.rename({"a": "z"}))


class TestTargets:
    @pytest.mark.parametrize(
        "names", [["no", "yes"], ["a", "b", "c"], [10, 5, 7], [False, True], [1.0, 2.0]]
    )
    def test_labels_come_back_as_they_were(self, classes, names):
        x, y = classes
        labels = np.array(names)[y % len(names)]
        model = classifier().fit(x, labels)
        assert model.classes_.tolist() == sorted(names)
        assert model.predict(x).dtype == labels.dtype
        assert set(model.predict(x)) <= set(names)
        assert model.model_.n_outputs == (1 if len(names) == 2 else len(names))

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_probabilities(self, classes, n_classes):
        x, y = classes
        model = classifier().fit(x, y % n_classes)
        proba = model.predict_proba(x)
        assert proba.shape == (len(x), n_classes)
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), proba, rtol=1e-12)
        np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(x))
        scores = forward(model.model_.network, model.model_.states, x).astype(np.float64)
        if n_classes == 2:
            np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-scores[:, 0])), rtol=1e-12)
        else:
            np.testing.assert_allclose(proba, softmax(scores, axis=1), rtol=1e-12)

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_the_decision_is_the_score_before_softmax_or_sigmoid(self, classes, n_classes):
        x, y = classes
        model = classifier().fit(x, y % n_classes)
        decision, proba = model.decision_function(x), model.predict_proba(x)
        if n_classes == 2:
            np.testing.assert_allclose(decision, np.log(proba[:, 1] / proba[:, 0]), atol=1e-4)
            np.testing.assert_array_equal(
                model.classes_[(decision > 0).astype(int)], model.predict(x)
            )
        else:
            np.testing.assert_allclose(softmax(decision, axis=1), proba, rtol=1e-5)

    def test_the_logarithm_stays_finite_where_the_probability_is_0(self, classes):
        x, y = classes
        model = classifier().fit(x, y)
        far = 1e5 * x
        assert (model.predict_proba(far) == 0).any()
        assert np.isfinite(model.predict_log_proba(far)).all()

    def test_several_outputs_each_in_its_own_unit(self, numbers):
        x, y = numbers
        model = regressor(epochs=100, learning_rate=0.01).fit(x, y)
        assert model.predict(x).shape == y.shape
        error = (model.predict(x) - y).std(axis=0) / y.std(axis=0)
        assert (error < 0.3).all()

    def test_one_column_is_one_number_a_row(self, numbers):
        x, y = numbers
        np.testing.assert_array_equal(
            regressor().fit(x, y[:, :1]).predict(x), regressor().fit(x, y[:, 0]).predict(x)
        )

    def test_scaling_the_target_makes_fits_independent_of_its_unit(self, numbers):
        x, y = numbers
        metres, miles = y[:, 0], y[:, 0] / 1600 + 1e3
        one, other = regressor().fit(x, metres), regressor().fit(x, miles)
        np.testing.assert_allclose(other.predict(x), one.predict(x) / 1600 + 1e3, rtol=1e-6)
        raw = regressor(scale_target=False).fit(x, metres)
        assert abs(raw.predict(x) - metres).mean() > 10 * abs(one.predict(x) - metres).mean()

    @pytest.mark.parametrize("value", [0.0, 0.1, 1e300])
    def test_a_constant_target_is_learnt_exactly(self, numbers, value):
        x, _ = numbers
        model = regressor(epochs=100, learning_rate=0.03).fit(x, np.full(len(x), value))
        # Targets become zeros; the network's output is small beside a unit of 1.
        np.testing.assert_allclose(model.predict(x), value, atol=0.1)


class TestPrecision:
    def test_float32_stays_and_everything_else_is_float64(self, classes):
        x, y = classes
        assert {w.dtype for w in weights_of(classifier().fit(x, y))} == {np.dtype(np.float32)}
        for other in (x.astype(np.float64), np.round(x).astype(int)):
            fitted = classifier().fit(other, y)
            assert {w.dtype for w in weights_of(fitted)} == {np.dtype(np.float64)}
        assert not jax.config.jax_enable_x64

    def test_both_agree_to_single_precision(self, classes):
        x, y = classes
        single, double = classifier().fit(x, y), classifier().fit(x.astype(np.float64), y)
        np.testing.assert_allclose(single.predict_proba(x), double.predict_proba(x), atol=1e-5)

    def test_training_goes_on_in_the_first_precision(self, classes):
        x, y = classes
        one, other = classifier().fit(x, y), classifier().fit(x, y)
        assert_same_weights(one.partial_fit(x, y), other.partial_fit(x.astype(np.float64), y))

    def test_the_process_setting_changes_nothing(self, classes, float64):
        x, y = classes
        inside = classifier().fit(x, y)
        with jax.enable_x64(False):
            assert_same_weights(inside, classifier().fit(x, y))


class TestWeights:
    def test_a_weight_of_2_is_the_row_twice(self, classes):
        x, y = (a[:30] for a in classes)
        x = x.astype(np.float64)
        counts = np.arange(30) % 3
        weighted = classifier(batch_size="full").fit(x, y, sample_weight=counts)
        repeated = classifier(batch_size="full").fit(x.repeat(counts, 0), y.repeat(counts))
        np.testing.assert_allclose(
            weighted.predict_proba(x), repeated.predict_proba(x), rtol=1e-9, atol=1e-12
        )

    def test_only_ratios_of_weights_matter(self, classes):
        x, y = classes
        plain = classifier().fit(x, y)
        assert_same_weights(classifier().fit(x, y, sample_weight=np.full(len(x), 7.0)), plain)

    def test_a_class_weight_is_the_sample_weight_of_its_rows(self, classes):
        x, y = classes
        by_row = classifier().fit(x, y, sample_weight=np.array([4.0, 1, 2])[y])
        assert_same_weights(classifier(class_weight={0: 4, 2: 2}).fit(x, y), by_row)

    def test_balanced_classes_weigh_the_same(self, classes):
        x, y = classes
        rare = np.flatnonzero((y != 1) | (np.arange(len(y)) % 8 == 0))
        x, y = x[rare], y[rare]
        by_row = classifier().fit(x, y, sample_weight=1 / np.bincount(y)[y])
        balanced = classifier(class_weight="balanced").fit(x, y)
        np.testing.assert_allclose(
            balanced.predict_proba(x), by_row.predict_proba(x), rtol=1e-5, atol=1e-6
        )
        trained = [
            classifier(epochs=60, class_weight=w).fit(x, y).predict(x) for w in (None, "balanced")
        ]
        found = [(answers[y == 1] == 1).mean() for answers in trained]
        assert found[1] > found[0]

    @pytest.mark.parametrize("weights", [{0: -1.0}, {0: 0, 1: 0, 2: 0}])
    def test_a_class_weight_below_0_or_none_above_is_refused(self, classes, weights):
        with pytest.raises(RecipeError, match="class_weight must be at least 0"):
            classifier(class_weight=weights).fit(*classes)

    def test_weights_count_in_the_validation_curve(self, classes):
        x, y = classes
        settings = {"validation_fraction": 0.3}
        rows = held_out(len(x), 0.3, 0, y.astype(np.int32))
        weight = np.ones(len(x))
        weight[rows[5:]] = 1e-9  # as good as five validation rows
        model = classifier(**settings).fit(x, y, sample_weight=weight)
        right = model.predict(x[rows[:5]]) == y[rows[:5]]
        assert model.history_["validation_score"][-1] == pytest.approx(right.mean(), abs=1e-6)

    def test_all_zero_weights_are_refused(self, classes):
        with pytest.raises(ValueError, match="at least one non-zero"):
            classifier().fit(*classes, sample_weight=np.zeros(120))


class TestRecipes:
    def test_an_activation_for_each_layer(self, classes):
        x, y = classes
        model = classifier(hidden=(8, 6), activation=("tanh", "relu")).fit(x, y)
        first, second = (np.asarray(w) for w in weights_of(model)[:2])
        layers = [layer for layer in model.model_.network.layers if hasattr(layer, "weight")]
        hidden = np.tanh(x @ first + second)
        hidden = np.maximum(hidden @ layers[1].weight + layers[1].bias, 0)
        scores = hidden @ layers[2].weight + layers[2].bias
        np.testing.assert_allclose(model.predict_proba(x), softmax(scores, axis=1), rtol=1e-4)

    def test_an_optax_transformation_as_optimizer(self, classes):
        x, y = classes
        by_name = classifier(optimizer="sgd", learning_rate=0.125).fit(x, y)
        by_optax = classifier(optimizer=optax.sgd(0.125)).fit(x, y)
        np.testing.assert_allclose(
            by_optax.predict_proba(x), by_name.predict_proba(x), rtol=1e-5, atol=1e-6
        )

    def test_copies_of_an_optax_transformation_share_a_program(self, classes):
        model = classifier(optimizer=optax.adabelief(1e-3)).fit(*classes)
        before = executors._compiled.cache_info().misses
        assert_same_weights(clone(model).fit(*classes), model)
        assert executors._compiled.cache_info().misses == before
        classifier(optimizer=optax.adabelief(0.1)).fit(*classes)
        assert executors._compiled.cache_info().misses == before + 1

    def test_a_parameter_of_a_technique(self, classes):
        x, y = classes
        one = classifier(parameters={"optimizer.beta1": 0.0}).fit(x, y)
        with pytest.raises(AssertionError):
            assert_same_weights(one, classifier().fit(x, y))

    def test_the_same_numbers_as_the_engines_run(self, classes):
        x, y = classes
        model = classifier().fit(x, y)
        from gradlab.estimators.training import Examples, task_of

        rows = np.zeros(0, np.int32)
        ones = np.ones(len(x))
        task = task_of(Examples(x), y.astype(np.int32), ones, rows, kind="multiclass", n_outputs=3)
        run = Run(model._recipe(), seed=0)
        (result,) = [
            event
            for event in executors.execute(plan(task, [run], workers=1), workers=1)
            if isinstance(event, executors.RunResult)
        ]
        np.testing.assert_array_equal(model.history_["train_loss"], result.history[:, 0])

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"optimizer": "addam"}, "Unknown optimizer 'addam'. Did you mean 'adam'"),
            ({"activation": "relo"}, "Did you mean 'relu'"),
            ({"activation": ("relu", "tanh")}, "names 2 layers, but the network has 1"),
            ({"norm": "bach"}, "Did you mean 'batch'"),
            ({"hidden": (0,)}, "hidden"),
            ({"dropout": 1.5}, "dropout"),
            ({"learning_rate": -1}, "learning_rate"),
            ({"batch_size": 0}, "batch_size"),
            ({"epochs": 0}, "epochs"),
            ({"patience": 4}, "patience=4 never stops a run of epochs=4"),
            ({"parameters": {"optimizer.beta_1": 1}}, "Did you mean 'beta1'"),
            ({"validation_fraction": 1.0}, r"validation_fraction must be in \[0, 1\)"),
            ({"validation_fraction": "some"}, r"validation_fraction must be in \[0, 1\)"),
            ({"validation_fraction": 1e-3}, "of 120 rows holds out 0"),
            ({"patience": 2, "validation_fraction": 0}, "patience=2 needs validation rows"),
        ],
    )
    def test_a_parameter_out_of_range_is_named(self, classes, settings, message):
        with pytest.raises(RecipeError, match=message):
            classifier(**settings).fit(*classes)
        with pytest.raises(ValueError, match=message):  # what scikit-learn's users catch
            classifier(**settings).fit(*classes)

    def test_divergence_is_an_error_with_advice_and_changes_nothing(self, numbers):
        x, y = numbers
        model = regressor(optimizer="sgd", learning_rate=0.01, warm_start=True).fit(x, y)
        before = model.predict(x)
        model.set_params(learning_rate=1e6, epochs=10)
        with pytest.raises(
            RecipeError, match=r"diverged in epoch \d+: .*Lower learning_rate.*1e\+06"
        ):
            model.fit(x, y)
        np.testing.assert_array_equal(model.predict(x), before)
        assert model.n_epochs_ == 4

    def test_weights_broken_by_the_very_last_step_are_no_result(self, numbers):
        x, y = numbers
        settings = {"optimizer": "sgd", "learning_rate": 1e38, "batch_size": "full", "epochs": 1}
        model = regressor(**settings, scale_target=False)
        with pytest.raises(RecipeError, match="diverged in epoch 1"):
            model.fit(x, y)

    def test_without_hidden_layers_it_is_logistic_regression(self, classes):
        x, y = classes
        settings = {"hidden": (), "learning_rate": 0.05, "l2": 1 / len(x), "batch_size": "full"}
        model = classifier(**settings, epochs=600).fit(x.astype(np.float64), y)
        by_newton = LogisticRegression(tol=1e-8).fit(x, y)
        np.testing.assert_allclose(model.predict_proba(x), by_newton.predict_proba(x), atol=1e-4)

    def test_one_class_is_refused(self, classes):
        x, y = classes
        with pytest.raises(ValueError, match="at least 2 classes; got 1 class"):
            classifier().fit(x, np.zeros(len(x)))
        with pytest.raises(ValueError, match="at least 2 classes; got 1 class"):
            classifier().fit(x, y, sample_weight=(y == 1).astype(float))


class TestTechniques:
    def test_a_loss_by_name(self, numbers):
        x, y = numbers
        settings = {"optimizer": "sgd", "learning_rate": 0.01}
        half = regressor(loss="half_squared_error", **settings).fit(x, y)
        whole = regressor(**{**settings, "learning_rate": 0.005}).fit(x, y)
        np.testing.assert_allclose(half.predict(x), whole.predict(x), rtol=1e-4)
        with pytest.raises(RecipeError, match="loss=squared_error does not fit a multiclass"):
            classifier(loss="squared_error").fit(x, np.arange(120) % 3)

    def test_a_clipped_gradient_makes_a_step_of_its_length(self, classes):
        x, y = classes
        start = {"optimizer": "sgd", "batch_size": "full", "epochs": 1}
        before = classifier(learning_rate=1e-12, **start).fit(x, y)
        after = classifier(learning_rate=1.0, clip_norm=0.125, **start).fit(x, y)
        pairs = zip(
            *(jax.tree.leaves(m.model_.network.layers) for m in (after, before)), strict=True
        )
        step = np.sqrt(sum(((np.asarray(a) - np.asarray(b)) ** 2).sum() for a, b in pairs))
        assert step == pytest.approx(0.125, rel=1e-3)
        by_value = classifier(learning_rate=1.0, clip_value=0.01, **start).fit(x, y)
        moved = np.abs(weights_of(by_value)[0] - weights_of(before)[0])
        assert moved.max() == pytest.approx(0.01, rel=1e-3)

    @pytest.mark.parametrize(
        "change", [{"noise": 0.5}, {"input_noise": 0.5}, {"warmup_epochs": 2.0}]
    )
    def test_noise_and_warming_up_change_the_training_alone(self, classes, change):
        x, y = classes
        model = classifier(**change).fit(x, y)
        assert model.loss_ != classifier().fit(x, y).loss_
        np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(x))

    def test_the_table_of_layers(self, classes):
        table = classifier(hidden=(8, 4)).fit(*classes).summary().splitlines()
        assert table[2].split() == ["dense", "8", "8", "56"]
        assert table[-1].split() == ["total", str(56 + 36 + 15)]


class TestSeeds:
    def test_an_int_repeats_and_another_differs(self, classes):
        x, y = classes
        model = classifier(random_state=3, dropout=0.3).fit(x, y)
        again = classifier(random_state=3, dropout=0.3).fit(x, y)
        assert_same_weights(model, again)
        other = classifier(random_state=4, dropout=0.3).fit(x, y)
        assert np.abs(weights_of(model)[0] - weights_of(other)[0]).max() > 0.1

    def test_none_draws_and_a_generator_goes_on(self, classes):
        x, y = classes
        generator = np.random.RandomState(0)
        fits = [classifier(random_state=s).fit(x, y) for s in (None, None, generator, generator)]
        first = {weights_of(model)[0].tobytes() for model in fits}
        assert len(first) == 4
        assert_same_weights(classifier(random_state=np.random.RandomState(0)).fit(x, y), fits[2])


class TestGoingOn:
    @pytest.mark.parametrize(
        "settings",
        [{}, {"optimizer": "nesterov"}, {"norm": "batch", "dropout": 0.3, "weight_decay": 0.1}],
    )
    def test_a_warm_start_is_the_same_as_never_having_stopped(self, classes, settings):
        x, y = classes
        whole = classifier(epochs=5, **settings).fit(x, y)
        parts = classifier(epochs=2, warm_start=True, **settings).fit(x, y)
        parts.set_params(epochs=3).fit(x, y)
        assert_same_weights(parts, whole)
        np.testing.assert_array_equal(parts.predict_proba(x), whole.predict_proba(x))
        np.testing.assert_array_equal(parts.history_["train_loss"], whole.history_["train_loss"])
        assert parts.n_epochs_ == parts.best_epoch_ == 5

    def test_without_a_warm_start_a_fit_begins_anew(self, classes):
        model = classifier().fit(*classes)
        assert_same_weights(clone(model).fit(*classes), model.fit(*classes))

    def test_passes_over_all_rows_are_a_fit(self, classes):
        x, y = classes
        whole = classifier(epochs=3).fit(x, y)
        passes = classifier(epochs=30)  # of no account here
        for _ in range(3):
            passes.partial_fit(x, y, classes=[0, 1, 2])
        assert_same_weights(passes, whole)
        assert passes.n_epochs_ == 3

    def test_a_regressors_passes_are_a_fit(self, numbers):
        x, y = numbers
        whole = regressor(epochs=2, schedule="cosine").fit(x, y)
        passes = regressor(epochs=2, schedule="cosine").partial_fit(x, y).partial_fit(x, y)
        np.testing.assert_array_equal(passes.predict(x), whole.predict(x))

    def test_parts_with_some_of_the_classes(self, classes):
        x, y = classes
        model = classifier(learning_rate=0.01)
        for step in range(30):
            part = y != step % 3
            model.partial_fit(x[part], y[part], classes=[0, 1, 2])
        assert model.score(x, y) > 0.6

    def test_a_pass_after_early_stopping_starts_from_the_weights_kept(self, classes):
        x, y = classes
        model = classifier(epochs=60, patience=3, learning_rate=0.1).fit(x, y)
        kept = weights_of(model)
        model.set_params(learning_rate=1e-9).partial_fit(x, y)
        for before, after in zip(kept, weights_of(model), strict=True):
            np.testing.assert_allclose(after, before, atol=1e-6)

    def test_what_partial_fit_cannot_do_is_said(self, classes):
        x, y = classes
        with pytest.raises(RecipeError, match="can't balance the classes"):
            classifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            classifier().partial_fit(x, y)
        model = classifier().partial_fit(x, y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="not the same as on last call"):
            model.partial_fit(x, y, classes=[0, 1])
        with pytest.raises(ValueError, match="not among the classes"):
            model.partial_fit(x, y + 1)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"hidden": (9,)}, "layers"),
            ({"dropout": 0.5}, "layers"),
            ({"optimizer": "sgd"}, "optimizer"),
            ({"parameters": {"activation.slope": 0.2}}, "parameters"),
        ],
    )
    def test_another_network_cannot_go_on(self, classes, changes, what):
        model = classifier(warm_start=True, activation="leaky_relu").fit(*classes)
        with pytest.raises(RecipeError, match=f"describe another {what}"):
            model.set_params(**changes).fit(*classes)

    def test_other_targets_cannot_go_on(self, classes, numbers):
        x, y = classes
        with pytest.raises(ValueError, match="warm_start needs the classes of the last fit"):
            classifier(warm_start=True).fit(x, y).fit(x, y + 1)
        x, y = numbers
        with pytest.raises(ValueError, match="2 outputs of the last fit; y has 1"):
            regressor(warm_start=True).fit(x, y).fit(x, y[:, 0])


class TestValidation:
    def test_rows_of_ones_own(self, classes):
        x, y = classes
        model = classifier().fit(x[:90], y[:90], validation=(x[90:], y[90:]))
        assert_same_weights(model, classifier().fit(x[:90], y[:90]))
        score = model.score(x[90:], y[90:])
        assert model.history_["validation_score"][-1] == pytest.approx(score)

    def test_rows_of_ones_own_stop_a_regressor(self, numbers):
        x, y = numbers
        settings = {"epochs": 200, "patience": 3, "learning_rate": 0.05}
        model = regressor(**settings).fit(x[:90], y[:90], validation=(x[90:], y[90:]))
        loss = model.history_["validation_loss"]
        assert model.best_epoch_ == loss.argmin() + 1 == model.n_epochs_ - 3
        # Targets are scaled by the training rows alone.
        np.testing.assert_allclose(model.model_.target_shift, y[:90].mean(axis=0))
        score = model.score(x[90:], y[90:])
        best = model.history_["validation_score"][model.best_epoch_ - 1]
        # Both are R²; scikit-learn averages it over the outputs, the curve pools them.
        assert best == pytest.approx(score, abs=0.1)

    def test_validation_rows_that_do_not_fit_are_refused(self, classes, numbers):
        x, y = classes
        with pytest.raises(ValueError, match=r"validation must be a pair .X, y."):
            classifier().fit(x, y, validation=x)
        with pytest.raises(ValueError, match=r"have labels \[7\], which the training rows lack"):
            classifier().fit(x, y, validation=(x[:2], [0, 7]))
        with pytest.raises(ValueError, match="X has 3 features"):
            classifier().fit(x, y, validation=(x[:, :3], y))
        with pytest.raises(RecipeError, match="both were given"):
            classifier(validation_fraction=0.2).fit(x, y, validation=(x, y))
        x, y = numbers
        with pytest.raises(ValueError, match="have 1 outputs, the training rows 2"):
            regressor().fit(x, y, validation=(x, y[:, 0]))

    def test_the_curve(self, classes):
        x, y = classes
        model = classifier(validation_fraction=0.25).fit(x, y)
        rows = held_out(len(x), 0.25, 0, y.astype(np.int32))
        assert set(model.history_) == {"train_loss", "validation_loss", "validation_score"}
        assert all(len(column) == 4 for column in model.history_.values())
        proba = model.predict_proba(x[rows])
        loss = -np.log(proba[np.arange(len(rows)), y[rows]]).mean()
        assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-5)
        score = model.score(x[rows], y[rows])
        assert model.history_["validation_score"][-1] == pytest.approx(score)
        assert model.loss_ == model.history_["train_loss"][-1]

    def test_a_regressors_score_is_r2(self, numbers):
        x, y = numbers
        model = regressor(validation_fraction=0.25).fit(x, y[:, 0])
        rows = held_out(len(x), 0.25, 0)
        score = model.score(x[rows], y[rows, 0])
        assert model.history_["validation_score"][-1] == pytest.approx(score, rel=1e-4)

    def test_without_held_out_rows_it_says_so(self, classes):
        model = classifier().fit(*classes)
        assert np.isnan(model.history_["validation_loss"]).all()
        assert np.isnan(model.history_["validation_score"]).all()
        assert np.isfinite(model.history_["train_loss"]).all()

    def test_early_stopping_keeps_the_best_weights(self, classes):
        x, y = classes
        settings = {"validation_fraction": 0.25, "learning_rate": 0.1}
        model = classifier(epochs=60, patience=3, **settings).fit(x, y)
        loss = model.history_["validation_loss"]
        assert model.n_epochs_ < 60
        assert model.best_epoch_ == loss.argmin() + 1 == model.n_epochs_ - 3
        best = classifier(epochs=model.best_epoch_, **settings).fit(x, y)
        assert_same_weights(model, best)

    def test_each_class_gives_its_share(self):
        labels = np.repeat([0, 1, 2], [100, 40, 20]).astype(np.int32)
        rows = held_out(160, 0.1, seed=5, labels=labels)
        assert np.bincount(labels[rows]).tolist() == [10, 4, 2]
        assert len(np.unique(rows)) == 16
        assert not np.array_equal(rows, held_out(160, 0.1, seed=6, labels=labels))


class TestFiles:
    @pytest.mark.parametrize("names", [["no", "yes"], [3, 1, 2]])
    def test_a_saved_classifier_predicts_the_same_bits_and_trains_on(
        self, classes, names, tmp_path
    ):
        x, y = classes
        labels = np.array(names)[y % len(names)]
        weights = {names[0]: 2.0}
        model = classifier(norm="batch", class_weight=weights, warm_start=True)
        model.fit(pl.DataFrame(x, schema=list("abcdef")), labels)
        loaded = MLPClassifier.load(model.save(tmp_path / "model.safetensors"))
        assert loaded.get_params() == model.get_params()
        table = pl.DataFrame(x, schema=list("abcdef"))
        np.testing.assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
        np.testing.assert_array_equal(loaded.predict(table), model.predict(table))
        assert loaded.classes_.dtype == model.classes_.dtype
        assert loaded.feature_names_in_.tolist() == list("abcdef")
        np.testing.assert_array_equal(loaded.history_["train_loss"], model.history_["train_loss"])
        assert_same_weights(loaded.fit(table, labels), model.fit(table, labels))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_saved_regressor_predicts_the_same_bits(self, numbers, dtype, tmp_path):
        x, y = numbers
        x = x.astype(dtype)
        model = regressor(random_state=np.random.RandomState(0)).fit(x, y)
        loaded = MLPRegressor.load(model.save(tmp_path / "model.safetensors"))
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
        assert loaded.score(x, y) == model.score(x, y)
        assert loaded.n_features_in_ == 6

    def test_what_is_no_estimator_of_the_kind_is_refused(self, classes, tmp_path):
        model = classifier().fit(*classes)
        path = model.save(tmp_path / "classifier.safetensors")
        with pytest.raises(DataError, match=r"MLPClassifier; read it with MLPClassifier\.load"):
            MLPRegressor.load(path)
        path = model.model_.save(tmp_path / "model.safetensors")
        with pytest.raises(DataError, match=r"Read it with gradlab\.load_model"):
            MLPClassifier.load(path)
        with pytest.raises(DataError, match="Could not read"):
            MLPClassifier.load(tmp_path / "absent.safetensors")

    def test_what_a_file_cannot_hold_is_said(self, classes, tmp_path):
        model = classifier(optimizer=optax.adabelief(1e-3)).fit(*classes)
        with pytest.raises(RecipeError, match="can't be written to a file"):
            model.save(tmp_path / "model.safetensors")
        with pytest.raises(StudyError, match="Could not write"):
            classifier().fit(*classes).save(tmp_path / "absent" / "model.safetensors")
