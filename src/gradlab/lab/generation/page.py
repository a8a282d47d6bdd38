"""The report of what a generative model made."""

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gradlab import report
from gradlab.errors import DataError
from gradlab.lab.analysis import page_parts, provenance
from gradlab.lab.generation.files import film_frames, interpolations, shown_pairs
from gradlab.lab.generation.models import SPOKEN, flat
from gradlab.lab.generation.sheets import pairs_sheet, sheet
from gradlab.lab.verdicts import AxisRanking, describe

if TYPE_CHECKING:
    from gradlab.lab.generation.study import GenerationStudy

SHOWN, AT_TIMES = 64, 5
MOST_COLUMNS = 4
ABOUT = {
    "gan": "A generator and a discriminator of dense layers (Goodfellow et al. 2014).",
    "dcgan": "A generator and a discriminator of convolutions with batch norm (Radford et al. "
    "2016).",
    "mixture": "A mixture of Gaussians, fitted by expectation maximisation.",
    "naive_bayes": "Naive Bayes: within a class, columns are drawn independently.",
    "boltzmann": "A restricted Boltzmann machine, sampled by Gibbs chains.",
    "hidden_markov": "A chain of hidden states, learnt by Baum–Welch; a row is a sequence.",
}


def page_of(study: "GenerationStudy") -> report.PageContents:
    """Return everything that the report of a generative model shows."""
    source = study.source
    what = "pictures" if source.pictures else "rows"
    sections = (
        _samples(study),
        *(_comparison(study, ranking) for ranking in study.rankings),
        _training(study),
        _course(study),
        _neighbours(study),
        _ways(study),
        _trouble(study),
    )
    return report.PageContents(
        title=f"New {what} like those of {source.name}",
        kicker="Generation",
        question=(
            f"What does {SPOKEN[study.model]} make of {source.name}, and how like the data is it?"
        ),
        facts=tuple(
            pair
            for pair in (
                ("Data", source.name),
                ("Size", source.size),
                ("Model", study.model),
                ("Runs", f"{len(study.runs)}" if len(study.runs) > 1 else ""),
                ("Chosen", ", ".join(f"{k} {v}" for k, v in study.chosen.items())),
            )
            if pair[1]
        ),
        answer=study.sentences[:5],
        command=study.command,
        card=_card(study),
        sections=tuple(section for section in sections if section),
        method=_method(study),
        notes=source.notes,
        files=_files(study),
        versions=provenance.versions(),
        machine=provenance.machine(),
        created=provenance.now(),
    )


def _card(study: "GenerationStudy") -> report.Card:
    pairs = [("copies", f"{int(study.neighbours.is_copy.sum())} of {len(study.samples)}")]
    if study.adversarial:
        pair = study.fitted.trained_
        pairs = [
            ("Fréchet distance", f"{pair.last('frechet'):.3g}"),
            *([("of data itself", f"{study.data_frechet:.3g}")] if study.data_frechet else []),
            ("modes reached", f"{pair.last('coverage'):.0%}"),
            ("D(x), D(G(z))", f"{pair.last('d_real'):.2f}, {pair.last('d_fake'):.2f}"),
            *pairs,
        ]
    return report.Card(
        "Diversity", f"{study.diversity:.2f}", "1 is as varied as the data", tuple(pairs)
    )


def _samples(study: "GenerationStudy") -> report.Section:
    if study.source.pictures:
        picture = report.picture(
            sheet(study.samples[:SHOWN]), f"seed {study.sample_seed}", "Sheet of generated pictures"
        )
        gallery = report.Gallery(
            "Generated pictures", (picture,), how_to_read="None of these exists in the data.",
            column=480, pixelated=True,
        )  # fmt: skip
        return report.Section("Samples", (study.headline,), (gallery,))
    names = study.source.names or tuple(f"x{i}" for i in range(study.samples.shape[1]))
    real = flat(study.source)
    rows = [
        (name, float(a.mean()), float(b.mean()), float(a.std()), float(b.std()))
        for name, a, b in zip(names, real.T, study.samples.T, strict=True)
    ]
    table = report.Table(
        "Columns of the data and of the samples",
        ("column", "mean, data", "mean, samples", "deviation, data", "deviation, samples"),
        rows,
    )
    parts: list[report.Part] = [report.Listing("columns", table, "Each pair should be alike.")]
    if study.model == "hidden_markov":
        parts.insert(0, _lines(study))
    elif real.shape[1] >= 2:
        parts.insert(0, _cloud(study, names))
    return report.Section("Samples", (study.headline,), tuple(parts))


def _lines(study: "GenerationStudy") -> report.Plot:
    from gradlab.plots.sequence_lines import sequence_lines_figure

    return report.plot(
        "sequences",
        sequence_lines_figure(flat(study.source), study.samples),
        title="Sequences of the data, and generated ones",
        description="Lines over the steps: some rows of the data above, some generated ones below.",
        how_to_read="Levels, jumps and how long levels last should be alike. Within a state the "
        "chain draws every step by itself, so its lines are rougher than smooth data.",
        wide=True,
        height=520,
    )


def _cloud(study: "GenerationStudy", names: tuple[str, ...]) -> report.Plot:
    """Return data and samples on the two columns that vary most."""
    import plotly.graph_objects as go

    from gradlab.plots.theme import BLUE, GREEN, apply_theme

    real = flat(study.source)
    spread = real.std(axis=0) / np.maximum(np.abs(real).max(axis=0), 1e-12)
    first, second = sorted(np.argsort(-spread)[:2])
    drawn = real[page_parts.drawn_rows(len(real))]
    figure = go.Figure()
    for name, rows, colour in (("data", drawn, BLUE), ("generated", study.samples, GREEN)):
        figure.add_scatter(
            x=rows[:, first], y=rows[:, second], mode="markers", name=name,
            marker={"color": colour, "size": 5, "opacity": 0.6},
        )  # fmt: skip
    figure.update_xaxes(title=names[first])
    figure.update_yaxes(title=names[second])
    return report.plot(
        "cloud",
        apply_theme(figure),
        title=f"Data and samples: {names[first]} and {names[second]}",
        description="Scatter plot of rows of the data and of generated rows.",
        how_to_read="The two clouds should cover each other.",
        note=page_parts.drawn_note(len(real)),
        wide=True,
        height=460,
    )


def _comparison(study: "GenerationStudy", ranking: AxisRanking) -> report.Section:
    rows = [
        (
            row.level,
            row.n,
            *(float("nan") if value is None else float(value) for value in (row.mean, row.std)),
            row.verdict,
        )
        for row in ranking.rows
    ]
    table = report.Table(
        f"Fréchet distance by {ranking.axis}",
        (ranking.axis, "runs", "mean", "deviation", "verdict"),
        rows,
    )
    listing = report.Listing(
        ranking.axis.replace(".", "-"),
        table,
        "Smaller is better. Runs of one seed have the same first weights and order in every level, "
        "so differences are taken seed by seed.",
    )
    figure = _levels(study, ranking)
    return report.Section(f"Which {ranking.axis}", describe(ranking), (figure, listing))


def _levels(study: "GenerationStudy", ranking: AxisRanking) -> report.Plot:
    import plotly.graph_objects as go

    from gradlab.plots.theme import BLUE, apply_theme

    figure = go.Figure()
    order = [row.level for row in ranking.rows]
    for run in study.runs:
        if ranking.axis in run.settings:
            value = run.settings[ranking.axis]
            level = f"{value:g}" if isinstance(value, float) else str(value)
            lost = run.pair.status == "diverged"
            figure.add_scatter(
                x=[run.frechet], y=[level], mode="markers", showlegend=False,
                marker={"color": BLUE, "size": 9, "symbol": "x" if lost else "circle"},
                hovertext=f"seed {run.seed}" + (", diverged" if lost else ""),
            )  # fmt: skip
    figure.update_yaxes(
        categoryorder="array", categoryarray=order[::-1], type="category", title=None
    )
    figure.update_xaxes(title="Fréchet distance", rangemode="tozero")
    return report.plot(
        "levels",
        apply_theme(figure),
        title=f"Every run, by {ranking.axis}",
        description="One point a run on the axis of the Fréchet distance.",
        how_to_read="A point is a run; crosses diverged. Further left is nearer to the data.",
        height=120 + 50 * len(order),
        wide=True,
    )


def _training(study: "GenerationStudy") -> report.Section | None:
    if not study.adversarial:
        return None
    from gradlab.plots.adversarial_history import adversarial_history

    history = study.fitted.history_
    columns = {
        name: history[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in history.columns
    }
    if history.height < 2:
        return None
    columns.pop("copies", None)
    plot = report.plot(
        "history",
        adversarial_history(columns, time="epoch"),
        title="How the two networks trained",
        description="Losses, certainties and measures by epoch.",
        how_to_read=(
            "Losses say little by themselves. D(x) and D(G(z)) near ½: nothing gives generated "
            f"{'pictures' if study.source.pictures else 'rows'} away. D(x) at 1 and D(G(z)) at 0: "
            "the discriminator has won. Diversity far below 1: the generator repeats itself."
        ),
        wide=True,
    )
    return report.Section("Training", (), (plot,))


def _course(study: "GenerationStudy") -> report.Section | None:
    if not study.adversarial or len(study.fitted.snapshots_) < 2:
        return None
    kept = study.fitted.snapshots_
    if study.source.pictures:
        chosen = [kept[i] for i in np.unique(np.linspace(0, len(kept) - 1, AT_TIMES).astype(int))]
        pictures = tuple(
            report.picture(
                sheet(one.samples[:16], columns=4),
                "before training" if one.epoch == 0 else f"epoch {one.epoch:g}",
                f"16 generated pictures at epoch {one.epoch:g}",
            )
            for one in chosen
        )
        gallery = report.Gallery(
            "The same sixteen noises in the course of the training", pictures, column=180,
            pixelated=True,
        )  # fmt: skip
        return report.Section("From noise to pictures", (), (gallery,))
    return _panels(study)


def _panels(study: "GenerationStudy") -> report.Section | None:
    from gradlab.generative.gan.panels import distribution_snapshots
    from gradlab.plots.distributions import four_panels

    try:
        frames = distribution_snapshots(study.fitted, flat(study.source))
    except DataError:  # more than two columns, or too few measurements
        return None
    plot = report.plot(
        "panels",
        four_panels(frames),
        title="Data, generator and discriminator in four moments",
        description="Four panels with the densities of data and generator and the curve of D.",
        how_to_read=(
            "The generator (green) moves to where the discriminator (blue, dotted) is high; in "
            "the end both densities agree and D is ½."
        ),
        wide=True,
        # In the plane clusters look squashed in the height that suits curves.
        height=820 if frames[0].data.shape[-1] == 2 else 560,
    )
    return report.Section("How the distribution was learnt", (), (plot,))


def _neighbours(study: "GenerationStudy") -> report.Section:
    found = study.neighbours
    rows = [
        (i + 1, int(found.index[i]) + 1, float(found.distance[i]), float(found.ratio[i]),
         "copy" if found.is_copy[i] else "")
        for i in range(min(20, len(study.samples)))
    ]  # fmt: skip
    table = report.Table(
        "The nearest row of the data to each sample",
        ("sample", "row", "distance", "by the usual distance", ""),
        rows,
    )
    parts: list[report.Part] = []
    if study.source.pictures:
        above, below = shown_pairs(study)
        shown = report.picture(
            pairs_sheet(above, below), "sample above, nearest below", "Sheet of pairs"
        )
        parts.append(
            report.Gallery(
                "Samples (above) and the nearest picture of the data (below)", (shown,),
                how_to_read="Alike is well; the same would be memorised.", column=480,
                pixelated=True,
            )
        )  # fmt: skip
    parts.append(report.Listing("nearest", table))
    return report.Section("Does it memorise?", (study.about_copies,), tuple(parts))


def _ways(study: "GenerationStudy") -> report.Section | None:
    if not study.adversarial or not study.source.pictures:
        return None
    from gradlab.plots.interpolation import interpolation_animation, interpolation_strip

    strip = report.plot(
        "strip",
        interpolation_strip(interpolations(study.fitted, 8)),
        title="From one noise to another",
        description="Lines of pictures between two noises.",
        how_to_read=(
            "Pictures change step by step if the generator learnt a space of pictures, and jump "
            "if it only learnt some by heart."
        ),
        wide=True,
    )
    moving = report.plot(
        "film",
        interpolation_animation(film_frames(study.fitted)),
        title="The same in motion",
        description="Animation of pictures between noises.",
        wide=True,
    )
    return report.Section("Between the samples", (), (strip, moving))


def _trouble(study: "GenerationStudy") -> report.Section | None:
    found = study.diagnosis
    if found is None:
        return None
    if found.healthy:
        if found.missing:
            said = "None of the rules for GANs found anything wrong, but evidence was missing."
            missing = (f"{one[0].upper()}{one[1:]}." for one in found.missing)
            return report.Section("Diagnosis", (said, *missing))
        return report.Section("Diagnosis", ("None of the rules for GANs found anything wrong.",))
    rows = [
        (one.rule.split(".")[0].replace("_", " "), one.symptom, one.why,
         "; or ".join(", ".join(f"{c.setting} = {c.value:g}" if isinstance(c.value, float)
                               else f"{c.setting} = {c.value}" for c in change)
                      for change in one.changes), one.source)
        for one in found.findings
    ]  # fmt: skip
    table = report.Table(
        "What goes wrong, and what to try", ("rule", "seen", "why", "try", "source"), rows
    )
    return report.Section("Diagnosis", (), (report.Listing("findings", table),))


def _method(study: "GenerationStudy") -> tuple[report.MethodItem, ...]:
    items = [report.MethodItem("Model", ABOUT[study.model])]
    if study.adversarial:
        settings: Any = study.fitted.trained_.settings
        shown = {
            "loss": settings.loss,
            "optimizer": settings.optimizer,
            **dict(settings.parameters),
            "learning rate": settings.learning_rate,
            "generator's learning rate": settings.generator_learning_rate,
            "epochs": settings.passes,
            "noise": f"{settings.pair.noise_size} numbers, {settings.prior}",
        }
        words = ", ".join(f"{name} {value}".replace("_", " ") for name, value in shown.items())
        items += [
            report.MethodItem("Settings", words),
            report.MethodItem(
                "Steps",
                f"{settings.discriminator_steps} of the discriminator, then one of the generator, "
                f"on {settings.rows_a_step // settings.discriminator_steps} rows each.",
            ),
            report.MethodItem(
                "Fréchet distance",
                "Of 500 samples to rows of the data, in features of a network trained on this data "
                "(pictures) or in its columns; it compares runs of one data set only. That of the "
                "data itself is between 500 of its rows and others: no model gets below it.",
            ),
        ]
    items.append(
        report.MethodItem(
            "Copies",
            "A sample is a copy if it lies nearer to a row than a tenth of the usual distance "
            "between a row and its nearest neighbour, and nearer than any two rows that were "
            "compared: where rows are dense, small distances are usual.",
        )
    )
    return tuple(items)


def _files(study: "GenerationStudy") -> tuple[tuple[str, str], ...]:
    files = [
        ("results.json", "All results, for machines"),
        ("model.safetensors", "The model: gradlab generate model.safetensors samples again"),
    ]
    if study.source.pictures:
        files += [
            ("samples.png", "Sheet of samples"),
            ("samples.npy", "All samples as numbers"),
            ("neighbours.png", "Samples with the nearest picture of the data"),
        ]
    else:
        files += [("samples.parquet", "The samples"), ("samples.csv", "The same as text")]
    if study.adversarial:
        files += [
            ("history.csv", "The course of every run"),
            ("runs.csv", "The runs"),
        ]
        if study.source.pictures:
            files += [
                ("interpolation.png", "Pictures between noises"),
                ("interpolation.gif", "The same in motion"),
            ]
    return tuple(files)
