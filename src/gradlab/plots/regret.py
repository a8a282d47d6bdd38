"""What learning has cost so far: the sum of what the best policy would have got more."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.returns import Curves, returns_figure

MOST_POINTS = 300


def regret_figure(
    x: Float[np.ndarray, " points"], returns: Curves, optimum: float, *, unit: str = "return"
) -> go.Figure:
    """Draw the regret of each setting over the episodes, Σ (optimum - return), mean over seeds.

    A curve that goes flat belongs to an agent that acts as well as can be; a straight one to an
    agent that loses as much in every episode as before.

    Args:
        x: Number of each episode.
        returns: By setting: return of each episode, one row a seed.
        optimum: Best mean return that there is.
        unit: What the returns are.
    """
    # Every point of thousands would be seen by nobody and weigh a page down.
    shown = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
    curves = {name: regret(one, optimum)[:, shown] for name, one in returns.items()}
    return returns_figure(
        x[shown], curves, title="Regret", x_title="episode", y_title=f"{unit} lost so far"
    )


def regret(
    returns: Float[np.ndarray, "seeds episodes"], optimum: float
) -> Float[np.ndarray, "seeds episodes"]:
    """Return Σ (optimum - return) over the episodes up to each.

    >>> regret(np.array([[0.0, 1.0, 2.0]]), 2.0).tolist()
    [[2.0, 3.0, 3.0]]
    """
    return np.cumsum(optimum - returns, axis=1)
