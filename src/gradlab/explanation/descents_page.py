"""The report of optimizers on classic surfaces: a race for each."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.optim.optimizers import OPTIMIZERS
from gradlab.optim.surfaces import SURFACES

if TYPE_CHECKING:
    from gradlab.explanation.descents import DescentStudy

LOGARITHMIC = ("ravine", "beale")
"""Surfaces whose walls are thousands high: their contours are spaced by the logarithm."""

LOOKS = {
    "bowl": "Twenty times steeper across than along: plain descent zig-zags.",
    "saddle": "Flat in the middle, down on two sides: whoever follows the gradient alone lingers.",
    "plateau": "A hole in a plain where the gradient is next to nothing.",
    "double_well": "A shallow minimum on the left, a deeper one behind a hill.",
    "ravine": "Rosenbrock's bent ravine: the floor is nearly flat, the walls are steep.",
    "beale": "Plains, steep walls and one minimum.",
}


def page_of(study: "DescentStudy") -> report.PageContents:
    """Return everything that the report shows."""
    from gradlab.explanation.descents import N_RATES, surface_sentence
    from gradlab.plots.contours import race_figure

    sections = []
    for name, rows in study.descents.items():
        surface = SURFACES[name]

        def heights(x: np.ndarray, y: np.ndarray, function=surface.function) -> np.ndarray:
            points = jnp.stack([jnp.asarray(x), jnp.asarray(y)], axis=-1)
            return np.asarray(jax.vmap(jax.vmap(function))(points))

        figure = race_figure(
            heights,
            # An optimizer keeps its colour from surface to surface.
            {
                row.optimizer: _seen(row.path, surface.window)
                for row in sorted(rows, key=lambda row: list(OPTIMIZERS).index(row.optimizer))
            },
            surface.window,
            title="",
            log=name in LOGARITHMIC,
        )
        plot = report.plot(
            name,
            figure,
            title=f"{name.replace('_', ' ').capitalize()}: the race",
            description=f"Contours of the surface {name} with a path for each optimizer.",
            how_to_read=f"{LOOKS.get(name, '')} A ring is the start, a cross the end.".strip(),
            note="Play, or move the slider, to see the paths grow.",
            wide=True,
        )
        table = report.Table(
            "The optimizers, the first to arrive first",
            ("optimizer", "learning rate", "arrives after", "f at the end", "way"),
            [
                (
                    row.optimizer,
                    row.learning_rate,
                    row.arrived,
                    _finite(float(row.losses[-1])),
                    _finite(float(np.linalg.norm(np.diff(row.path, axis=0), axis=1).sum())),
                )
                for row in rows
            ],
        )
        sections.append(
            report.Section(
                name.replace("_", " ").capitalize(),
                (surface_sentence(name, rows),),
                (plot, report.Listing("lanes", table)),
            )
        )
    return page_parts.contents(
        title="Optimizers on classic surfaces",
        kicker="Descents",
        question="Which optimizer gets down which surface, and how?",
        facts=(
            ("Surfaces", ", ".join(study.descents)),
            ("Steps", f"{study.steps:,}"),
            ("Noise in gradients", f"{study.noise:g}" if study.noise else ""),
        ),
        answer=study.sentences,
        sections=tuple(sections),
        method=(
            report.MethodItem(
                "Learning rates",
                f"Each optimizer tried {N_RATES} learning rates, a factor √10 apart, and is shown "
                "with the one that arrives first, else ends lowest. Where there is no minimum its "
                "usual rate is taken.",
            ),
            report.MethodItem(
                "Arrival",
                "From this step on, f − f* stays below a thousandth of what it was in the "
                "beginning; on the saddle, f falls below −1.",
            ),
        ),
        notes=(),
        files=(
            ("results.json", "All results, for machines"),
            ("paths.csv", "Every point of every path"),
        ),
        command=study.command,
    )


def _seen(path: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    """Return a path whose points far outside the picture are left out, as JSON can't hold them."""
    left, right, low, high = window
    reach = 3 * max(right - left, high - low)
    near = np.isfinite(path).all(axis=1) & (np.abs(path) < reach).all(axis=1)
    seen = path.copy()
    if not near.all():
        last = max(0, int(np.argmin(near)) - 1)
        seen[last + 1 :] = seen[last]
    return seen


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
