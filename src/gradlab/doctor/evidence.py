"""What a diagnosis is made from: how training is set, the data, and the record of runs.

Everything that may be unknown is None, or NaN inside an array; a rule that needs it then says
nothing, and the diagnosis names what was missing. Nothing here trains or measures.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

LayerKind = Literal[
    "dense", "conv", "recurrent", "embedding", "norm", "dropout", "pool", "shape", "other"
]
TaskName = Literal["binary", "multiclass", "multilabel", "regression", "reconstruction"]


@dataclass(frozen=True)
class Layer:
    """A layer, in the order of the network; the last with weights gives the outputs.

    Attributes:
        kind: What it is.
        place: Where its setting stands, as its owner would look it up: "model.layers[0]" of a
            program, "hidden[0]" or "layers[2]" of a recipe, the module's name in PyTorch.
        units: Outputs: units, filters, or entries of an embedding.
        activation: Name, "linear" for none; None for layers that take none.
        init: Name of the initialiser of its weights.
        init_std: Standard deviation of the weights before training.
        bias_std: Of the biases before training.
        fan_in, fan_out: Inputs and outputs of a unit.
        rate: Share dropped, of dropout.
        l1, l2: Penalty factors on its weights.
        n_parameters: Numbers that training changes.
    """

    kind: LayerKind
    place: str
    units: int | None = None
    activation: str | None = None
    init: str | None = None
    init_std: float | None = None
    bias_std: float | None = None
    fan_in: int | None = None
    fan_out: int | None = None
    rate: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    n_parameters: int = 0


@dataclass(frozen=True)
class Setup:
    """How a network is built and trained.

    Attributes:
        task: What is to be answered; "multilabel" is several independent yes-or-no questions.
        layers: Of the network.
        n_outputs: Numbers that it gives for a row.
        loss: In Gradlab's words: "cross_entropy", "binary_cross_entropy", "squared_error",
            "absolute_error", "hinge", "squared_hinge", "huber", "kullback_leibler", "poisson" …
        loss_takes: "scores" if softmax or sigmoid is inside the loss, "outputs" if it is given
            what the last activation gave.
        loss_guarded: False if a logarithm or division can see 0.
        loss_reduction: Over the rows of a batch: "mean", "sum", or a fraction of the mean.
        optimizer: Name in Gradlab's words ("sgd" without momentum, "momentum", "nesterov", …).
        learning_rate: Step size in the beginning.
        usual_learning_rate: The technique's customary one.
        learning_rate_decay: Per step, 1 / (1 + decay · step).
        momentum, weight_decay, clip_norm: Of the optimizer.
        schedule: Name; "constant" for none.
        batch_size, epochs, patience, shuffle: Of the training.
        class_weight: "balanced" or None.
        metric: What is watched: "accuracy", "accuracy_per_output", "accuracy_exact",
            "mean_squared_error" …
        validation: Whether rows are held back to judge by: "none", "separate" or "fraction".
        scaling: Of the inputs: "none", "standard", "min_max", "divide_255", …
        target_scaling: The same of a regression's targets.
        validation_scaled: False if validation inputs are not scaled like those of training.
        label_coding: "integer", "one_hot", "zero_one", "multi_hot", "real", …
        augment: Changes of the training rows.
    """

    task: TaskName
    layers: tuple[Layer, ...]
    n_outputs: int | None = None
    loss: str | None = None
    loss_takes: Literal["scores", "outputs"] | None = None
    loss_guarded: bool | None = None
    loss_reduction: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    usual_learning_rate: float | None = None
    learning_rate_decay: float = 0.0
    momentum: float | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    schedule: str | None = None
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    shuffle: bool | None = None
    class_weight: str | None = None
    metric: str | None = None
    validation: Literal["none", "separate", "fraction"] | None = None
    scaling: str | None = None
    target_scaling: str | None = None
    validation_scaled: bool | None = None
    label_coding: str | None = None
    augment: tuple[str, ...] = ()

    @property
    def weighted(self) -> tuple[Layer, ...]:
        """The layers whose outputs go through an activation: dense, conv, recurrent."""
        return tuple(x for x in self.layers if x.kind in ("dense", "conv", "recurrent"))

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """The weighted layers but the last."""
        return self.weighted[:-1]

    @property
    def output(self) -> Layer | None:
        """The last weighted layer."""
        return self.weighted[-1] if self.weighted else None


@dataclass(frozen=True)
class DataFacts:
    """What the training rows are like, as the network is given them (after any scaling).

    Attributes:
        n_train, n_validation: Rows.
        input_shape: Of one row.
        mean, std, minimum, maximum: Of each column (of each channel of images, of each feature of
            sequences).
        n_missing: Values that are not numbers.
        constant: Names or positions of columns that never vary.
        leaking: Column to the score that it alone reaches, of those that give the answer away.
        duplicates: Share of training rows that occur more than once.
        shared: Rows of validation that occur in training too.
        n_classes: Of classes; None of numbers.
        class_counts: Rows of each.
        target_mean, target_std, target_minimum, target_maximum: Of the targets as the loss sees
            them; a row an output of several.
        trivial_score: Score of a constant answer on the rows that judge.
        reference_score: What a plain method (nearest neighbours, ridge) reaches on held-out
            rows; None where it was not tried.
        reference_train_score: The same on rows that it has seen.
        label_disagreement: Share of rows whose nearest neighbours mostly have another label,
            divided by what labels in an order of chance give, so that 1 is "inputs say nothing";
            for numbers, the variance that neighbours leave, divided likewise.
        ordered: Whether labels come in blocks (all of one class, then of the next).
        label_problems: Faults of the coding, in the words of `checks.labels.LabelProblem`:
            "constant", "not_finite", "one_hot_sums", "collapsed", "negative", "not_classes".
    """

    n_train: int
    n_validation: int = 0
    input_shape: tuple[int, ...] = ()
    mean: Float[np.ndarray, " columns"] | None = None
    std: Float[np.ndarray, " columns"] | None = None
    minimum: Float[np.ndarray, " columns"] | None = None
    maximum: Float[np.ndarray, " columns"] | None = None
    n_missing: int = 0
    constant: tuple[str, ...] = ()
    leaking: tuple[tuple[str, float], ...] = ()
    duplicates: float | None = None
    shared: int | None = None
    n_classes: int | None = None
    class_counts: Int[np.ndarray, " classes"] | None = None
    target_mean: float | None = None
    target_std: float | None = None
    target_minimum: float | None = None
    target_maximum: float | None = None
    trivial_score: float | None = None
    reference_score: float | None = None
    reference_train_score: float | None = None
    label_disagreement: float | None = None
    ordered: bool | None = None
    label_problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probes:
    """Measurements on a fixed batch, at points of training; NaN where something is not known.

    Column j of a (points, layers) array is `Setup.weighted[j]`. An activation is zero if it is 0,
    saturated if the slope of its function is below 5 % of the largest slope; linear ones never
    are. A unit is dead if it is zero, and stuck if it is saturated, on every row.

    Attributes:
        time: In epochs; 0 is before training, fractions are within the first epoch.
        mean, std: Of the activations (the scores, of the last layer).
        zero, saturated: Shares of the activations.
        dead, stuck: Shares of units.
        gradient: Norm of the gradient of a layer's weights and biases, ‖g‖.
        gradient_out: Root mean square of the gradient with respect to the layer's outputs.
        weight: ‖w‖.
        update: ‖Δw‖ / ‖w‖ of the step that training took there.
        alike: Share of a layer's units whose weights equal another unit's.
        loss: On the batch.
        penalty: l1 and l2 penalties.
        noise: Gradient noise: tr(Σ) / ‖G‖² in units of rows, from the gradients of parts.
        output_std: Spread of the outputs over the rows, relative to that of the targets for
            numbers; of the probabilities for classes.
        norm_gap: Distance of a normalisation layer's running statistics from those of the batch,
            in standard deviations, root mean square over its features; the largest of all layers.
    """

    time: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, "points layers"]
    std: Float[np.ndarray, "points layers"]
    zero: Float[np.ndarray, "points layers"]
    saturated: Float[np.ndarray, "points layers"]
    dead: Float[np.ndarray, "points layers"]
    stuck: Float[np.ndarray, "points layers"]
    gradient: Float[np.ndarray, "points layers"]
    gradient_out: Float[np.ndarray, "points layers"]
    weight: Float[np.ndarray, "points layers"]
    update: Float[np.ndarray, "points layers"]
    alike: Float[np.ndarray, "points layers"]
    loss: Float[np.ndarray, " points"]
    penalty: Float[np.ndarray, " points"]
    noise: Float[np.ndarray, " points"]
    output_std: Float[np.ndarray, " points"]
    norm_gap: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Breakdown:
    """The first number of a run that is not finite.

    Attributes:
        step: Of the run, from 1.
        epoch: Of the step, from 1.
        layer: Position in `Setup.weighted` of the layer that it belongs to; None for no layer.
        words: What happens there: "its pre-activations overflow".
    """

    step: int
    epoch: int
    layer: int | None
    words: str


@dataclass(frozen=True)
class Record:
    """One run, epoch by epoch; NaN where something was not measured.

    Attributes:
        train_loss: Mean over the epoch's batches, penalties left out.
        validation_loss, train_score, validation_score: At the end of an epoch; a score is an
            accuracy, or R² of numbers, so that higher is better and a constant answer has
            `DataFacts.trivial_score` (0 for R²).
        initial_loss: Before the first step.
        status: "diverged" if a loss was not finite.
        non_finite: Where that was seen first: "loss" or a layer's place, with the epoch.
        probes: Measurements within.
        breakdown: The exact place of the first number that is not finite, where it was looked for.
        seed: Of weights and order.
        seconds: Of training.
    """

    train_loss: Float[np.ndarray, " epochs"]
    validation_loss: Float[np.ndarray, " epochs"]
    train_score: Float[np.ndarray, " epochs"]
    validation_score: Float[np.ndarray, " epochs"]
    initial_loss: float | None = None
    status: Literal["done", "early", "diverged"] = "done"
    non_finite: tuple[str, float] | None = None
    probes: Probes | None = None
    breakdown: Breakdown | None = None
    seed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Sweep:
    """A learning rate range test: short runs from the same start that differ in the rate alone.

    Attributes:
        rates: Ascending; the one in use is among them.
        loss: Training loss at the end of each; inf where it was not finite.
        start: Loss before.
        epochs: Of each run.
    """

    rates: Float[np.ndarray, " rates"]
    loss: Float[np.ndarray, " rates"]
    start: float
    epochs: int


@dataclass(frozen=True)
class Trial:
    """What became of a run that differs from the one under examination in a stated way.

    Attributes:
        changes: Setting to value.
        train_score, validation_score: At its end, a number a seed.
        train_loss: The same.
    """

    changes: tuple[tuple[str, object], ...]
    train_score: tuple[float, ...]
    validation_score: tuple[float, ...]
    train_loss: tuple[float, ...]


@dataclass(frozen=True)
class Evidence:
    """Everything that rules may look at.

    Attributes:
        setup: How training is set.
        data: What the rows are like; None if they were not at hand.
        records: Runs of this setup with unlike seeds.
        sweep: Learning rate range test.
        small_batch: Loss on a handful of rows after training on them alone, as a share of the
            loss that a constant answer has there: near 0 if the network can learn them.
        trials: Other runs made to tell causes apart.
        missing: What was not to be had, in words.
        notes: What was decided about things that could be read in several ways, in words.
    """

    setup: Setup
    data: DataFacts | None = None
    records: tuple[Record, ...] = ()
    sweep: Sweep | None = None
    small_batch: float | None = None
    trials: tuple[Trial, ...] = ()
    missing: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()
