"""What a study's agents are drawn from: curves on common axes, values and visits on the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from gradlab.lab.acting.play import Shown, show
from gradlab.lab.acting.runs import EVALUATION_SEED, Run
from gradlab.plots.returns import smoothed
from gradlab.rl.environment import Environment

if TYPE_CHECKING:
    from gradlab.lab.acting.study import ActingStudy

POINTS = 300
"""Points of a curve at most: more would be seen by nobody and weigh the page down."""


def has_map(environment: Environment) -> bool:
    """Return whether its observations have places on a map."""
    drawing = environment.drawing
    return drawing is not None and drawing.positions is not None and len(drawing.text) > 0


def curves(
    study: "ActingStudy",
) -> tuple[Float[np.ndarray, " points"], dict[str, Float[np.ndarray, "seeds points"]], str]:
    """Return common points, each setting's smoothed returns there, and what the points count."""
    if any(run.network is not None for run in study.runs):
        return (*_by_step(study), "step")
    window = max(1, study.episodes // 50)
    places = np.unique(np.linspace(0, study.episodes - 1, POINTS).round().astype(int))
    found = {}
    for i, cell in enumerate(study.cells):
        rows = [run.returns for run in study.runs if run.cell == i]
        if rows:
            found[cell.name] = study.unit.scale * smoothed(np.stack(rows), window)[:, places]
    return places + 1.0, found, "episode"


def _by_step(
    study: "ActingStudy",
) -> tuple[Float[np.ndarray, " points"], dict[str, Float[np.ndarray, "seeds points"]]]:
    """Return the mean of the last 20 episodes at even steps: episodes differ in length."""
    last = max(int(run.ends[-1]) for run in study.runs if len(run.ends))
    points = np.linspace(last / 100, last, 100).round()
    found = {}
    for i, cell in enumerate(study.cells):
        rows = []
        for run in study.runs:
            if run.cell == i and len(run.ends):
                mean = smoothed(run.returns[None], 20)[0]
                n = np.searchsorted(run.ends, points, side="right")
                row = np.where(n > 0, mean[np.maximum(n - 1, 0)], np.nan)
                # A run that stopped has no numbers beyond its last episode.
                rows.append(np.where(points <= run.ends[-1] + 2000, row, np.nan))
        if rows:
            found[cell.name] = study.unit.scale * np.stack(rows)
    return points, found


def raw_returns(
    study: "ActingStudy",
) -> tuple[Float[np.ndarray, " episodes"], dict[str, Float[np.ndarray, "seeds episodes"]]]:
    """Return every episode's return by setting, as the environment counts."""
    found = {}
    for i, cell in enumerate(study.cells):
        rows = [run.returns for run in study.runs if run.cell == i]
        if rows:
            found[cell.name] = np.stack(rows)
    return np.arange(1.0, study.episodes + 1), found


def value_grid(
    environment: Environment,
    q_values: Float[np.ndarray, "observations actions"],
    visits: Float[np.ndarray, " observations"] | None,
) -> tuple[Float[np.ndarray, "rows columns"], Int[np.ndarray, "rows columns"]]:
    """Return value and action of each cell of the map.

    Where several observations share a cell (other battery, other passenger), the value is their
    mean, weighted by how often each was met, and the action the one of the most weight. A cell
    never met has none.
    """
    rows, columns = _size(environment)
    weight = np.ones(len(q_values)) if visits is None else visits.astype(np.float64)
    total, value = np.zeros((rows, columns)), np.zeros((rows, columns))
    votes = np.zeros((rows, columns, q_values.shape[1]))
    for i, (row, column) in enumerate(_places(environment)):
        if row >= 0 and weight[i] > 0:
            total[row, column] += weight[i]
            value[row, column] += weight[i] * q_values[i].max()
            votes[row, column, q_values[i].argmax()] += weight[i]
    met = total > 0
    grid = np.where(met, value / np.where(met, total, 1.0), np.nan)
    return grid, np.where(met, votes.argmax(axis=2), -1)


def visit_grid(
    environment: Environment, visits: Float[np.ndarray, " observations"]
) -> Float[np.ndarray, "rows columns"]:
    """Return how often each cell of the map was met."""
    grid = np.zeros(_size(environment))
    for count, (row, column) in zip(visits, _places(environment), strict=True):
        if row >= 0:
            grid[row, column] += count
    return grid


def without_unreachable(
    environment: Environment,
    values: Float[np.ndarray, "rows columns"],
    actions: Int[np.ndarray, "rows columns"],
) -> tuple[Float[np.ndarray, "rows columns"], Int[np.ndarray, "rows columns"]]:
    """Empty the cells that no episode can be in (ends, where nothing is done any more)."""
    if environment.model is None:
        return values, actions
    reached = np.zeros(values.shape, bool)
    for (row, column), ok in zip(_places(environment), environment.model.reachable, strict=True):
        reached[row, column] |= bool(ok) and row >= 0
    return np.where(reached, values, np.nan), np.where(reached, actions, -1)


def shares_cells(environment: Environment) -> bool:
    """Return whether several observations lie in one cell of the map."""
    places = [(int(row), int(column)) for row, column in _places(environment) if row >= 0]
    return len(set(places)) < len(places)


def _places(environment: Environment) -> Int[np.ndarray, "observations 2"]:
    drawing = environment.drawing
    if drawing is None or drawing.positions is None:
        raise ValueError(f"'{environment.name}' has no map; ask has_map first.")
    return drawing.positions


def _size(environment: Environment) -> tuple[int, int]:
    drawing = environment.drawing
    if drawing is None:
        raise ValueError(f"'{environment.name}' has no map; ask has_map first.")
    return len(drawing.text), len(drawing.text[0])


def visits_of(runs: Sequence[Run]) -> Float[np.ndarray, " observations"] | None:
    """Return how often all of these agents met each observation."""
    counted = [run.visits for run in runs if run.visits is not None]
    return np.sum(counted, axis=0) if counted else None


def episode_of(study: "ActingStudy", run: Run) -> Shown:
    """Return an episode of an agent that explores no more."""
    q_values, network = run.q_values, run.network
    if q_values is not None:
        draw = np.random.default_rng(run.seed)

        def act(seen: np.ndarray) -> int:
            row = q_values[int(seen)]
            return int(draw.choice(np.flatnonzero(row == row.max())))

    else:
        assert network is not None  # every run has one or the other

        def act(seen: np.ndarray) -> int:
            return int(network.act(seen[None])[0])

    return show(study.environment, act, seed=EVALUATION_SEED + run.seed)
