"""Hidden Markov model."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.baum_welch import Chain, learn, likelihoods, state_probabilities, viterbi
from gradlab.generative.checks import number, whole
from gradlab.generative.saving import InFiles
from gradlab.generative.sequences import Sequences, read_numbers, read_symbols, widened
from gradlab.training.precision import precision

EMISSIONS = ("gaussian", "categorical")
DOUBLE = np.dtype(np.float64)


class HiddenMarkov(DensityMixin, InFiles):
    """Sequences from states that are not seen: p(x, s) = π_s₁ Π a_s₍ₜ₋₁₎s₍ₜ₎ Π b_sₜ(xₜ).

    A chain of states moves by the transition probabilities a; at each step only an emission is
    seen: normal numbers (independent features, a mean and a variance a state) or symbols. Learnt by
    Baum–Welch in log space and float64, all starts together in one compiled program.

    X is (n, time): each row is a sequence of numbers or symbols; or (n, time, features); or a list
    of sequences of any lengths, also of texts for symbols. One long sequence is [sequence].

    Args:
        n_states: Hidden states.
        emissions: "gaussian" or "categorical".
        n_init: Random starts, of which the best is kept: Baum–Welch finds the nearest top only.
        max_iter: Rounds at most.
        tol: A start ends when the log-likelihood of an observation grows by less, in nats.
        variance_floor: Smallest variance of a state, as a share of the feature's own.
        random_state: None, an int or a `numpy.random.RandomState`.

    Attributes:
        start_: π, (states,).
        transitions_: a, (states, states), rows sum to 1.
        means_, variances_: Of "gaussian", (states, features).
        symbols_, emissions_: Of "categorical": the symbols, sorted, and their probabilities,
            (states, symbols).
        history_: Log-likelihood of all sequences before each round of the best start, and at last.
        restarts_: Final log-likelihood of every start.
        n_iter_: Rounds of the best start.

    Raises:
        RecipeError: A setting is out of its range.
        DataError: A sequence is empty, not finite, or of another kind than the first.

    Source: catalogue GEN-02; Rabiner 1989, "A tutorial on hidden Markov models"; counts as
    derivatives: Eisner 2016, "Inside-outside and forward-backward algorithms are just backprop".

    >>> model = HiddenMarkov(2, emissions="categorical", random_state=0).fit(["aababbb", "aabb"])
    >>> model.symbols_.tolist(), model.sample(1, length=3).shape
    (['a', 'b'], (1, 3))
    """

    def __init__(
        self,
        n_states: Any = 2,
        *,
        emissions: Any = "gaussian",
        n_init: Any = 4,
        max_iter: Any = 200,
        tol: Any = 1e-5,
        variance_floor: Any = 1e-3,
        random_state: Any = None,
    ):
        self.n_states = n_states
        self.emissions = emissions
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.variance_floor = variance_floor
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn from sequences; y is ignored. Return self."""
        if self.emissions not in EMISSIONS:
            raise RecipeError(unknown("kind of emissions", str(self.emissions), EMISSIONS))
        n_states, n_init = whole("n_states", self.n_states), whole("n_init", self.n_init)
        rounds = whole("max_iter", self.max_iter)
        tol, floor = number("tol", self.tol), number("variance_floor", self.variance_floor)
        read = self._read(X, first=True)
        self._longest = int(read.lengths.max())
        seen = np.concatenate([row[:n] for row, n in zip(read.values, read.lengths, strict=True)])
        if self._of_symbols:
            self.symbols_ = np.unique(seen)
        else:
            self._shift = seen.mean(axis=0)
            deviation = seen.std(axis=0)
            # A feature that never varies keeps its unit, so its density stays finite.
            level = np.maximum(np.abs(self._shift), 1.0)
            self._scale = np.where(deviation > 1e-12 * level, deviation, level)
        x, lengths = self._inputs(read)
        random = check_random_state(self.random_state)
        chains = [self._begin(x, lengths, n_states, random) for _ in range(n_init)]
        with precision(DOUBLE):
            stacked = Chain(*(jnp.asarray(np.stack(parts)) for parts in zip(*chains, strict=True)))
            found = learn(
                stacked,
                x,
                lengths,
                jnp.asarray(tol * float(lengths.sum())),
                jnp.asarray(max(floor, 1e-12)),
                rounds=rounds,
                symbols=self._of_symbols,
            )
            best = int(np.argmax(found.log_likelihood))
            self._chain = Chain(*(np.asarray(part[best]) for part in found.chain))
            self.n_iter_ = int(found.rounds[best])
            correction = self._correction(read.lengths).sum()
            history = [*np.asarray(found.history[best])[: self.n_iter_], found.log_likelihood[best]]
            self.history_ = np.array([float(value) for value in history]) + correction
            self.restarts_ = np.asarray(found.log_likelihood) + correction
        self.start_, self.transitions_ = self._chain.start, self._chain.steps
        if self._of_symbols:
            self.emissions_ = self._chain.means
        else:
            self.means_ = self._chain.means * self._scale + self._shift
            self.variances_ = self._chain.variances * self._scale**2
        return self

    def score_samples(self, X) -> np.ndarray:
        """Return ln p(x) of each sequence, (n,), in nats; long ones score lower."""
        read = self._new(X)
        with precision(DOUBLE):
            found = likelihoods(self._chain, *self._inputs(read), symbols=self._of_symbols)
            return np.asarray(found)[: len(read.lengths)] + self._correction(read.lengths)

    def score(self, X, y=None) -> float:  # type: ignore[override]
        """Return the mean of ln p(x) over the sequences: larger is better."""
        return float(self.score_samples(X).mean())

    def decode(self, X) -> list[np.ndarray]:
        """Return the most probable states of each sequence (Viterbi), (time,) each."""
        read = self._new(X)
        with precision(DOUBLE):
            states = viterbi(self._chain, *self._inputs(read), symbols=self._of_symbols)
            states = np.asarray(states)[: len(read.lengths)]
        return [row[:length] for row, length in zip(states, read.lengths, strict=True)]

    def state_probabilities(self, X) -> list[np.ndarray]:
        """Return the probability of each state at each time, (time, states) a sequence."""
        read = self._new(X)
        with precision(DOUBLE):
            found = state_probabilities(self._chain, *self._inputs(read), symbols=self._of_symbols)
            found = np.asarray(found)[: len(read.lengths)]
        return [row[:length] for row, length in zip(found, read.lengths, strict=True)]

    def sample(self, n: int, seed: int = 0, *, length: int | None = None) -> np.ndarray:
        """Draw n sequences: (n, length), or (n, length, features) where they have several.

        Args:
            n: How many.
            seed: Gives the same sequences each time.
            length: Steps of each; None takes those of the longest sequence in fit.
        """
        return self.sample_states(n, seed, length=length)[0]

    def sample_states(
        self, n: int, seed: int = 0, *, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw n sequences and the states behind them, (n, length)."""
        check_is_fitted(self)
        time = self._longest if length is None else whole("length", length)
        random = np.random.default_rng(seed)
        u = random.random((whole("n", n), time))
        states = np.empty((n, time), np.int64)
        ladder, first = np.cumsum(self.transitions_, axis=1), np.cumsum(self.start_)
        top = len(first) - 1  # sums may end below 1 by rounding
        states[:, 0] = np.minimum(np.searchsorted(first, u[:, 0], side="right"), top)
        for t in range(1, time):
            states[:, t] = np.minimum((u[:, t, None] >= ladder[states[:, t - 1]]).sum(axis=1), top)
        if self._of_symbols:
            steps = np.cumsum(self.emissions_, axis=1)
            drawn = (random.random((n, time, 1)) >= steps[states]).sum(axis=2)
            return self.symbols_[np.minimum(drawn, len(self.symbols_) - 1)], states
        noise = random.standard_normal((n, time, self.means_.shape[1]))
        x = self.means_[states] + np.sqrt(self.variances_[states]) * noise
        return (x[:, :, 0] if x.shape[2] == 1 else x), states

    @property
    def _of_symbols(self) -> bool:
        return self.emissions == "categorical"

    def _read(self, X: Any, *, first: bool) -> Sequences:
        """Return checked sequences; a table is remembered by its columns."""
        if first:
            self.__dict__.pop("n_features_in_", None)
            self.__dict__.pop("feature_names_in_", None)
        if _is_table(X) and not self._of_symbols and (first or hasattr(self, "n_features_in_")):
            X = validate_data(self, X, dtype=np.float64, reset=first)
        return read_symbols(X) if self._of_symbols else read_numbers(X)

    def _new(self, X: Any) -> Sequences:
        check_is_fitted(self)
        read = self._read(X, first=False)
        if not self._of_symbols and read.values.shape[2] != len(self._shift):
            raise DataError(
                f"expected sequences of {len(self._shift)} features, as in fit; got "
                f"{read.values.shape[2]}."
            )
        return read

    def _inputs(self, read: Sequences) -> tuple[np.ndarray, np.ndarray]:
        """Return what the compiled functions take: standardised numbers, or a 1 a symbol."""
        if not self._of_symbols:
            return widened((read.values - self._shift) / self._scale, read.lengths)
        codes = np.searchsorted(self.symbols_, read.values)
        codes = np.minimum(codes, len(self.symbols_) - 1)
        strange = self.symbols_[codes] != read.values
        if strange.any():
            i, t = np.argwhere(strange)[0]
            raise DataError(
                f"sequence {i}, step {t} (from 0): expected a symbol met in fit; got "
                f"{read.values[i, t]!r}. Known: {self.symbols_[:20].tolist()}."
            )
        return widened(np.eye(len(self.symbols_))[codes], read.lengths)

    def _correction(self, lengths: np.ndarray) -> np.ndarray:
        """Return what standardising took from ln p(x)."""
        if self._of_symbols:
            return np.zeros(len(lengths))
        return -lengths * np.log(self._scale).sum()

    def _begin(
        self,
        x: np.ndarray,
        lengths: np.ndarray,
        n_states: int,
        random: np.random.RandomState,
    ) -> Chain:
        """Return a random start: states that last, at observed places or with mixed symbols."""
        start = np.full(n_states, 1 / n_states)
        steps = random.dirichlet(np.ones(n_states), size=n_states)
        steps = 0.5 * steps + 0.5 * np.eye(n_states)
        real = np.arange(x.shape[1])[None, :] < lengths[:, None]
        rows = x[real]
        if self._of_symbols:
            shares = rows.mean(axis=0)
            mixed = random.dirichlet(np.ones(x.shape[2]), size=n_states)
            means = 0.5 * shares[None, :] + 0.5 * mixed
        else:
            means = [rows[random.randint(len(rows))]]
            for _ in range(1, n_states):  # far from each other, as k-means++ does
                gaps = np.min([((rows - mean) ** 2).sum(axis=1) for mean in means], axis=0)
                share = gaps / gaps.sum() if gaps.sum() > 0 else None
                means.append(rows[random.choice(len(rows), p=share)])
            means = np.stack(means)
        return Chain(start, steps, means, np.ones_like(means))


def _is_table(X: Any) -> bool:
    """Return whether X is one table, a sequence a row, and not a list of sequences."""
    if isinstance(X, list | tuple):
        return bool(X) and not any(isinstance(row, np.ndarray | str) for row in X) and (
            len({len(row) if hasattr(row, "__len__") else 0 for row in X}) == 1
            and not any(np.ndim(row) > 1 for row in X)
        )  # fmt: skip
    return getattr(X, "ndim", 2) != 3
