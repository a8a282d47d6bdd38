"""The report of agents that learnt to act."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from gradlab import report
from gradlab.lab.acting import pictures
from gradlab.lab.acting.exact import best_values
from gradlab.lab.acting.levels import NAMES
from gradlab.lab.acting.unit import written
from gradlab.lab.analysis import page_parts
from gradlab.lab.pairs import POWER
from gradlab.lab.verdicts import AxisRanking

if TYPE_CHECKING:
    from gradlab.lab.acting.runs import Run
    from gradlab.lab.acting.study import ActingStudy

TITLES = {"vacuum": "vacuum cleaner", "cart_pole": "cart-pole", "cliff": "cliff walking"}
MOST_MAPS = 4
"""Settings whose visits are drawn."""


def page_of(study: "ActingStudy") -> report.PageContents:
    """Return everything that the report of a study of agents shows."""
    name = TITLES.get(study.environment.name, study.environment.name.replace("_", " "))
    agents = ", ".join(NAMES[a] for a in dict.fromkeys(cell.agent for cell in study.cells))
    sections = (_comparison(study), _learning(study), _thoughts(study), _episode(study))
    varied = ", ".join(
        f"{axis} ({', '.join(level.name for level in levels)})"
        for axis, levels in study.axes.items()
    )
    what = f"Which {' and '.join(study.axes)} acts best: {name}?".replace("_", " ")
    deep = any(cell.agent == "dqn" for cell in study.cells)
    tables = any(cell.agent != "dqn" for cell in study.cells)
    length = [f"{study.episodes:,} episodes"] * tables + [f"{study.steps:,} steps"] * deep
    return page_parts.contents(
        title=f"Learning to act: {name}",
        kicker="Acting",
        question=what if study.axes else f"How well does {agents} learn to act: {name}?",
        facts=(
            ("Environment", name),
            ("Agents", agents),
            ("Varied", varied),
            ("Seeds", str(len(study.seeds))),
            ("Training", ", ".join(length)),
        ),
        answer=study.sentences,
        card=_card(study),
        sections=(*(section for section in sections if section), _setting(study)),
        method=_method(study),
        notes=(),
        files=(
            ("runs.csv", "Every agent: levels, seed, mean returns after and while learning"),
            ("results.json", "All results, for machines"),
            *([("network.safetensors", "The network of the best setting's typical run")] * deep),
        ),
        command=study.command,
    )


def _card(study: "ActingStudy") -> report.Card:
    best = study.best_cell
    means = np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan
                      for row in study.scores("after")])  # fmt: skip
    order = [i for i in np.argsort(-means, kind="stable") if np.isfinite(means[i])][:12]
    return report.Card(
        "Best after training",
        study.cells[best].name if study.axes else NAMES[study.cells[best].agent],
        "" if study.optimum is None
        else f"best possible: {study.unit.phrase(study.optimum * study.unit.scale)}",
        tuple((study.cells[i].name, study.unit.phrase(float(means[i]))) for i in order),
    )  # fmt: skip


def _comparison(study: "ActingStudy") -> report.Section:
    parts: list[report.Part] = []
    for axis, ranking in study.after.items():
        if len(ranking.rows) > 1:
            parts.append(_differences(study, axis, ranking))
    parts.append(
        report.Listing(
            "settings",
            page_parts.table(f"Mean {study.unit.what} of each setting", study.cells_table()),
            "After training: what the agent gets when it acts by what it has learnt and explores "
            "no more. While learning: the mean of all training episodes, exploration paid for.",
        )
    )
    return report.Section("Who acts best", (), tuple(parts))


def _differences(study: "ActingStudy", axis: str, ranking: AxisRanking) -> report.Plot:
    from gradlab.plots.returns import intervals_figure

    rows = [row for row in ranking.rows if row.mean is not None]
    means = [row.mean or 0.0 for row in rows]
    lows = [row.mean if row.low is None else row.low for row in rows]
    highs = [row.mean if row.high is None else row.high for row in rows]
    best = None if study.optimum is None else study.optimum * study.unit.scale
    figure = intervals_figure(
        [row.level for row in rows],
        np.array(means, float),
        np.array(lows, float),
        np.array(highs, float),
        optimum=best,
        x_title=study.unit.what,
    )
    return report.plot(
        f"levels-{axis}",
        figure,
        title=f"{study.unit.what[0].upper()}{study.unit.what[1:]} after training, by {axis}",
        description="Dots with intervals: mean over seeds of each level.",
        how_to_read=(
            "A dot is the mean over seeds, a line its 95 % interval. Agents with one seed share "
            "their chances, so differences are surer than these lines look: the verdicts stand in "
            "words above."
        ),
        wide=True,
    )


def _learning(study: "ActingStudy") -> report.Section | None:
    from gradlab.plots.regret import regret_figure
    from gradlab.plots.returns import mean_and_half, returns_figure

    if not any(len(run.ends) for run in study.runs):
        return None
    x, curves, per = pictures.curves(study)
    best = None if study.optimum is None else study.optimum * study.unit.scale
    smooth = (
        "the last 20 episodes"
        if per == "step"
        else (f"the last {max(1, study.episodes // 50)} episodes")
    )
    figure = returns_figure(x, curves, optimum=best, x_title=per, y_title=study.unit.what)
    means = {name: mean_and_half(curve)[0] for name, curve in curves.items()}
    table = report.Table(
        "Mean over seeds",
        (per, *means),
        [(float(x[i]), *(float(m[i]) for m in means.values())) for i in range(0, len(x), 3)],
    )
    parts: list[report.Part] = [
        report.plot(
            "returns",
            figure,
            title=f"Learning curves: {study.unit.what}",
            description="A line for each setting with a band, over training.",
            how_to_read=(
                f"Mean of {smooth}, over seeds, while the agent still explores; the band is the "
                "95 % interval of that mean."
            ),
            table=table,
            wide=True,
        )
    ]
    if study.optimum is not None and per == "episode":
        episodes, returns = pictures.raw_returns(study)
        figure = regret_figure(
            episodes, returns, study.optimum, unit=study.unit.lost or study.unit.noun
        )
        parts.append(
            report.plot(
                "regret",
                figure,
                title="Regret: what learning has cost",
                description="Rising line of the regret of each setting.",
                how_to_read=(
                    "What the best policy would have got more, summed over the episodes so far. A "
                    "curve that goes flat acts as well as can be; exploration for ever keeps it "
                    "rising."
                ),
                wide=True,
            )
        )
    return report.Section("While learning", (), tuple(parts))


def _thoughts(study: "ActingStudy") -> report.Section | None:
    from gradlab.plots.value_map import action_values_figure, value_map_figure
    from gradlab.plots.visits import visits_figure

    world, run = study.environment, study.typical(study.best_cell)
    if run is None or run.q_values is None:
        return None
    who = study.cells[run.cell].name
    if world.n_observations == 1 and world.model is not None:
        figure = action_values_figure(
            [world.action_name(a) for a in range(world.n_actions)],
            run.q_values[0],
            world.model.expected_reward[0],
        )
        part = report.plot(
            "actions",
            figure,
            title=f"What the actions are worth to {who}, seed {run.seed}",
            description="Bars of learnt values beside marks of the true ones.",
            how_to_read="Bars: learnt. Lines: true. Arms hardly ever pulled keep a wrong value.",
        )
        return report.Section("What it has learnt", (), (part,))
    if not pictures.has_map(world):
        return None
    drawing = world.drawing
    assert drawing is not None
    rows, arrows = drawing.text, drawing.arrows or ()
    cells = [i for i in _shown_cells(study) if study.typical(i) is not None]
    own = pictures.visits_of([run])
    values, actions = pictures.value_grid(world, run.q_values, own)
    shared = pictures.shares_cells(world)
    exact = _exact_grid(study, run, own if shared else None)
    # Both maps have one scale of colours, or they could not be compared.
    known = np.concatenate([grid[np.isfinite(grid)] for grid in (values, *exact[:1])])
    limits = (float(known.min()), float(known.max())) if len(known) else None
    parts: list[report.Part] = [
        report.plot(
            "values",
            value_map_figure(rows, values, actions, arrows, limits=limits),
            title=f"Values and policy of {who}, seed {run.seed} (the median one)",
            description="Map with a colour and an arrow in each cell.",
            how_to_read=(
                "Colour: the return to come that the agent expects from there, discounted. "
                "Arrow: what it would do; a dot is an action that moves nowhere. Empty cells were "
                "never met."
                + (" A cell stands for many situations: their mean by visits." if shared else "")
            ),
        )
    ]
    if exact:
        parts.append(
            report.plot(
                "exact",
                value_map_figure(rows, *exact, arrows, limits=limits),
                title="The same, exactly: value iteration",
                description="Map with the optimal value and action of each cell.",
                how_to_read="What perfect learning would come to. Values differ where the agent "
                "has been too seldom, or where it never needs to be.",
            )
        )
    for i in cells:
        visits = pictures.visits_of([r for r in study.runs if r.cell == i])
        if visits is not None:
            parts.append(
                report.plot(
                    f"visits-{i}",
                    visits_figure(rows, pictures.visit_grid(world, visits)),
                    title=f"Where {study.cells[i].name} has been",
                    description="Map with the share of steps spent in each cell.",
                    how_to_read="Share of all steps of all seeds in training; an empty cell was "
                    "never entered.",
                )
            )
    return report.Section("What it has learnt", (), tuple(parts))


def _exact_grid(
    study: "ActingStudy", run: "Run", met: Float[np.ndarray, " observations"] | None
) -> tuple[()] | tuple[Float[np.ndarray, "rows columns"], Int[np.ndarray, "rows columns"]]:
    """Return optimal values and actions of the map's cells; nothing where they can't be known."""
    world = study.environment
    if world.model is None or world.model.observation is not None:
        return ()
    discount = float(study.cells[run.cell].settings.get("discount", 0.99))
    values, actions = pictures.value_grid(world, best_values(world, discount), met)
    return pictures.without_unreachable(world, values, actions)


def _shown_cells(study: "ActingStudy") -> list[int]:
    """Return the settings whose visits are drawn: the best and the worst, of many two more."""
    means = [np.nanmean(row) if np.isfinite(row).any() else -np.inf
             for row in study.scores("after")]  # fmt: skip
    order = [int(i) for i in np.argsort(means)[::-1]]
    if len(order) < MOST_MAPS:  # pictures stand in pairs
        return order if len(order) < 3 else [order[0], order[-1]]
    return [*order[: MOST_MAPS - 1], order[-1]]


def _episode(study: "ActingStudy") -> report.Section | None:
    from gradlab.plots.episode import cart_pole_figure, episode_figure

    run = study.typical(study.best_cell)
    if run is None:
        return None
    world, shown = study.environment, pictures.episode_of(study, run)
    rows = () if world.drawing is None else world.drawing.text
    if world.name == "cart_pole":
        figure = cart_pole_figure(shown.observations.astype(np.float64))
    elif pictures.has_map(world) and shown.frames and "@" in shown.frames[0]:
        figure = episode_figure(rows, shown.frames)
    else:
        return None
    total = (
        study.unit.phrase(study.unit.scale * shown.total)
        if study.unit.scale == 1
        else (f"a return of {written(shown.total)}")
    )
    end = "the end" if shown.ended else "the time limit"
    part = report.plot(
        "episode",
        figure,
        title=f"An episode of {study.cells[run.cell].name}, seed {run.seed} (the median one)",
        description="Animation of one episode.",
        how_to_read=f"Press ▶ or drag the slider. {len(shown.actions)} steps to {end}, {total}.",
        wide=True,
    )
    return report.Section("An episode", (), (part,))


def _setting(study: "ActingStudy") -> report.Section:
    from gradlab.plots.agent_loop import agent_loop_figure, floor_plan_figure

    parts: list[report.Part] = [
        report.plot(
            "loop",
            agent_loop_figure(),
            title="Agent and environment",
            description="Two boxes: the agent acts, the environment answers.",
            how_to_read="At step t the agent takes an action; the environment gives a reward and "
            "an observation, from which the agent makes its state.",
        )
    ]
    drawing = study.environment.drawing
    if pictures.has_map(study.environment) and drawing is not None and drawing.legend:
        parts.append(
            report.plot(
                "plan",
                floor_plan_figure(drawing.text, drawing.legend, title="Map"),
                title="The map",
                description="The text map in colours: "
                + "; ".join(f"{k} {v}" for k, v in drawing.legend.items()),
            )
        )
    return report.Section("The setting", (), tuple(parts))


def _method(study: "ActingStudy") -> tuple[report.MethodItem, ...]:
    by_model = study.environment.model is not None
    items = [
        report.MethodItem(
            "After training",
            "Acts by the highest value, among equals each alike, and explores no more. "
            + ("Its mean return is computed from the model, exactly." if by_model
               else "Its mean return is that of 100 fresh episodes."),
        ),
        report.MethodItem(
            "Comparison",
            "Agents with one seed share their chances; differences are paired by seed and tested "
            "by t, corrected by Holm over all pairs of an axis; intervals hold together at 95 %. "
            f"Within {written(study.margin)} agents count as practically equal. Seeds needed are "
            f"those of {POWER:.0%} power.",
        ),
    ]  # fmt: skip
    if study.optimum is not None:
        items.append(
            report.MethodItem(
                "Best possible", "Value iteration on the model, returns not discounted."
            )
        )
    if "initial_value" not in study.axes and any(c.agent != "dqn" for c in study.cells):
        start = study.cells[0].settings.get("initial_value", 0.0)
        items.append(
            report.MethodItem(
                "Start",
                f"Every value is {written(start)} at first. Where less than that can be earned, "
                "as where every step costs, greedy agents explore too: what they have not tried "
                "looks better than what they have.",
            )
        )
    settings = {**study.cells[0].settings}
    for axis in study.axes:
        settings.pop(axis, None)
    if settings:
        items.append(
            report.MethodItem(
                "Set", ", ".join(f"{name} = {getattr(value, 'name', value)}"
                                 for name, value in settings.items())
            )
        )  # fmt: skip
    items.append(report.MethodItem("Time", f"{study.seconds:.1f} s"))
    return tuple(items)
