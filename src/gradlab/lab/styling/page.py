"""The report of a sweep of style transfer."""

from typing import TYPE_CHECKING

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.lab.styling.words import short

if TYPE_CHECKING:
    from gradlab.lab.styling.study import StyleStudy


def page_of(study: "StyleStudy") -> report.PageContents:
    """Return everything that the report of a sweep shows."""
    settings = study.settings
    name, styles = settings["content"], ", ".join(study.styles)
    axes = " and ".join(short(axis) for axis in study.axes)
    return page_parts.contents(
        title=f"{name} in the style of {styles}",
        kicker="Style transfer",
        question=f"How does the picture change with {axes}?",
        facts=(
            ("Content", name),
            ("Style", styles),
            ("Network", settings["network"]),
            ("Size", f"{settings['size']} pixels along the longer side"),
        ),
        answer=study.sentences,
        card=report.Card("Pictures", str(len(study.results)), axes),
        sections=(_given(study), _sheet(study), _losses(study), _descent(study)),
        method=_method(study),
        notes=study.notes,
        files=(
            ("NN-….png", "Every picture at its own size"),
            ("sheet.png", "All of them in rows and columns"),
            ("results.json", "All numbers, for machines"),
        ),
        command=study.command,
    )


def _given(study: "StyleStudy") -> report.Section:
    pictures = [report.picture(study.content, "content", "The content picture")]
    pictures += [
        report.picture(pixels, f"style: {name}", f"The style picture {name}")
        for name, pixels in study.styles.items()
    ]
    return report.Section(
        "What was given", (), (report.Gallery("Content and style", tuple(pictures)),)
    )


def _sheet(study: "StyleStudy") -> report.Section:
    pictures = tuple(
        report.picture(result.image, label, f"The result with {label}")
        for label, result in zip(study.labels, study.results, strict=True)
    )
    gallery = report.Gallery(
        "The results",
        pictures,
        how_to_read=(
            "With more weight on content, shapes and small things stay as they were; with less, "
            "the painting's strokes and colours take over. The higher the content layer, the less "
            "of the exact picture it holds."
        ),
        column=260,
    )
    return report.Section("Contact sheet", (), (gallery,))


def _losses(study: "StyleStudy") -> report.Section:
    rows = [
        (label, result.content_loss, result.style_loss, result.seconds)
        for label, result in zip(study.labels, study.results, strict=True)
    ]
    table = report.Table(
        "Losses at the end", ("picture", "content loss", "style loss", "seconds"), rows
    )
    return report.Section(
        "Losses",
        (),
        (
            report.Listing(
                "losses",
                table,
                "With balanced layers, 1 is the loss of a picture without any detail. Losses of "
                "different layers can't be compared: each has its own target."
                if study.settings["layer_weights"] == "balanced"
                else "The documents' own sums; they depend on layers and size.",
            ),
        ),
    )


def _descent(study: "StyleStudy") -> report.Section:
    from gradlab.plots.style_history import style_history_figure

    figure = style_history_figure(study.results[0].history)
    drawn = report.plot(
        "descent",
        figure,
        title=f"The loss of the first picture ({study.labels[0]})",
        description="Total, content and style loss by step.",
        how_to_read=(
            "It falls fast, then slowly. A dotted line is a change of size: the picture is "
            "enlarged and its loss begins anew."
        ),
        wide=True,
    )
    return report.Section("Descent", (), (drawn,))


def _method(study: "StyleStudy") -> tuple[report.MethodItem, ...]:
    settings = study.settings
    content, style = (
        "the varied layers" if settings[name] == "varied" else ", ".join(settings[name])
        for name in ("content_layers", "style_layers")
    )
    items = [
        report.MethodItem(
            "Loss",
            "α × content + β × style + γ × total variation; content: squared differences of the "
            f"maps of {content}; style: squared differences of the Gram matrices of "
            f"{style}.",
        ),
        report.MethodItem(
            "Layers",
            "balanced: each loss is 1 for a picture without any detail; content counts 100 times."
            if settings["layer_weights"] == "balanced"
            else "as the documents write them",
        ),
        report.MethodItem(
            "Descent",
            f"{settings['optimizer']}, {settings['steps']} steps at the coarsest size, from "
            f"{settings['start']}; the network's weights stay as they are.",
        ),
    ]
    items.append(report.MethodItem("Time", f"{study.seconds:.0f} s"))
    return tuple(items)
