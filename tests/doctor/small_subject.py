"""A subject in plain NumPy: one hidden layer, trained in milliseconds, with faults to put in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradlab.doctor.checks import data_facts
from gradlab.doctor.evidence import DataFacts, Layer, Record, Setup
from gradlab.doctor.finding import Change


@dataclass(frozen=True, eq=False)
class SmallSubject:
    """Classes or numbers from columns; cross-entropy or squared error; tanh or linear units."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    task: str = "multiclass"
    optimizer: str = "adam"
    learning_rate: float = 0.01
    epochs: int = 20
    batch_size: int = 32
    units: int = 16
    activation: str = "tanh"
    gain: float = 1.0
    scaling: str = "none"
    calls: tuple = ()

    name = "small"

    @property
    def setup(self) -> Setup:
        n_in, n_out = self.x.shape[1], self.n_outputs
        layers = (
            Layer(
                "dense",
                "hidden",
                self.units,
                self.activation,
                init="normal",
                init_std=self.gain / np.sqrt(n_in),
                fan_in=n_in,
                n_parameters=(n_in + 1) * self.units,
            ),
            Layer(
                "dense",
                "output",
                n_out,
                "linear",
                init_std=1 / np.sqrt(self.units),
                fan_in=self.units,
                n_parameters=(self.units + 1) * n_out,
            ),
        )
        classes = self.task == "multiclass"
        return Setup(
            self.task,
            layers,
            n_outputs=n_out,
            loss="cross_entropy" if classes else "squared_error",
            loss_takes="scores" if classes else "outputs",
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            usual_learning_rate={"adam": 0.01, "sgd": 0.1}[self.optimizer],
            batch_size=self.batch_size,
            epochs=self.epochs,
            shuffle=True,
            scaling=self.scaling,
        )

    @property
    def n_outputs(self) -> int:
        return int(self.y.max()) + 1 if self.task == "multiclass" else 1

    def scaled(self, x: np.ndarray) -> np.ndarray:
        if self.scaling == "none":
            return x
        return (x - self.x.mean(0)) / self.x.std(0)

    def facts(self) -> DataFacts:
        return data_facts(
            self.scaled(self.x),
            self.y,
            self.scaled(self.x_validation),
            self.y_validation,
            task=self.task,
        )

    def changed(self, changes: Sequence[Change]) -> "SmallSubject | None":
        words = {
            "learning_rate": "learning_rate",
            "epochs": "epochs",
            "batch_size": "batch_size",
            "optimizer": "optimizer",
            "hidden_activation": "activation",
            "scaling": "scaling",
            "init": "gain",
        }
        if any(change.setting not in words for change in changes):
            return None
        edits = {words[c.setting]: 1.0 if c.setting == "init" else c.value for c in changes}
        if "optimizer" in edits:
            edits.setdefault("learning_rate", {"adam": 0.01, "sgd": 0.1}[edits["optimizer"]])
        return replace(self, **edits)

    def as_file(self):
        return "cured.txt", ""

    def on_rows(self, n_rows: int) -> "SmallSubject":
        rows = np.random.default_rng(0).permutation(len(self.x))[:n_rows]
        return replace(self, x=self.x[rows], y=self.y[rows])

    def train(self, seeds, *, probes=True, epochs=None) -> list[Record]:
        return [self._run(seed, epochs or self.epochs) for seed in seeds]

    def score_on_fresh(self, seeds, *, epochs=None) -> list[float]:
        return [float(r.validation_score[-1]) for r in self.train(seeds, epochs=epochs)]

    def _run(self, seed: int, epochs: int) -> Record:
        rng = np.random.default_rng(seed)
        x, x_validation = self.scaled(self.x), self.scaled(self.x_validation)
        weights = [
            self.gain * rng.normal(size=(x.shape[1], self.units)) / np.sqrt(x.shape[1]),
            np.zeros(self.units),
            rng.normal(size=(self.units, self.n_outputs)) / np.sqrt(self.units),
            np.zeros(self.n_outputs),
        ]
        moments = [[np.zeros_like(w), np.zeros_like(w)] for w in weights]
        table, step = [], 0
        with np.errstate(all="ignore"):
            initial = self._judge(weights, x, self.y)[0]
            for _ in range(epochs):
                order = rng.permutation(len(x))
                total = 0.0
                for start in range(0, len(x), self.batch_size):
                    rows, step = order[start : start + self.batch_size], step + 1
                    loss, gradients = self._gradients(weights, x[rows], self.y[rows])
                    total += loss * len(rows)
                    for w, g, (m, v) in zip(weights, gradients, moments, strict=True):
                        if self.optimizer == "sgd":
                            w -= self.learning_rate * g
                            continue
                        m += 0.1 * (g - m)
                        v += 0.001 * (g * g - v)
                        size = np.sqrt(v / (1 - 0.999**step)) + 1e-8
                        w -= self.learning_rate * m / (1 - 0.9**step) / size
                judged = self._judge(weights, x_validation, self.y_validation)
                table.append(
                    (total / len(x), judged[0], self._judge(weights, x, self.y)[1], judged[1])
                )
                if not np.isfinite(total):
                    break
        columns = np.array(table + [(np.nan,) * 4] * (epochs - len(table))).T
        status = "done" if np.isfinite(table[-1][0]) else "diverged"
        return Record(*columns, initial_loss=float(initial), status=status, seed=seed)

    def _forward(self, weights, x):
        hidden = x @ weights[0] + weights[1]
        hidden = {"tanh": np.tanh, "relu": lambda h: np.maximum(h, 0), "linear": lambda h: h}[
            self.activation
        ](hidden)
        return hidden, hidden @ weights[2] + weights[3]

    def _gradients(self, weights, x, y):
        hidden, scores = self._forward(weights, x)
        loss, back = self._loss(scores, y)
        slope = {"tanh": 1 - hidden**2, "relu": hidden > 0, "linear": 1.0}[self.activation]
        inner = (back @ weights[2].T) * slope
        return loss, [x.T @ inner, inner.sum(0), hidden.T @ back, back.sum(0)]

    def _loss(self, scores, y):
        if self.task == "regression":
            error = scores[:, 0] - y
            return float(np.mean(error**2)), 2 * error[:, None] / len(y)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        loss = -np.log(shares[np.arange(len(y)), y] + 1e-12).mean()
        shares[np.arange(len(y)), y] -= 1
        return float(loss), shares / len(y)

    def _judge(self, weights, x, y):
        scores = self._forward(weights, x)[1]
        if self.task == "regression":
            return self._loss(scores, y)[0], 1 - np.mean((scores[:, 0] - y) ** 2) / y.var()
        return self._loss(scores, y)[0], float(np.mean(scores.argmax(1) == y))


def rings(n: int = 280, **settings) -> SmallSubject:
    """Three rings round the origin, with two columns of noise: needs a hidden layer that bends."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    angle, radius = rng.uniform(0, 2 * np.pi, n), 0.4 + 0.7 * y + 0.08 * rng.normal(size=n)
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), rng.normal(size=(n, 2))])
    x *= settings.pop("unit", 1.0)
    k = 3 * n // 4
    return SmallSubject(
        x[:k], y[:k], x[k:], y[k:], **{"epochs": 30, "learning_rate": 0.03, **settings}
    )
