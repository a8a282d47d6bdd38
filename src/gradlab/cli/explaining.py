"""gradlab explain."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gradlab.cli.analyses import typed, working
from gradlab.cli.options import output_file, recipe_from
from gradlab.cli.studies import Header, Set
from gradlab.cli.terminal import console, print_json
from gradlab.errors import RecipeError


def explain(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="Model file, study folder, or built-in example: 2-2-1 (the default), line, "
            "neuron, saturated, surprise, parabola."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="With a model: rows of the kind it was trained on.")
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(min=0, help="Row of the data, or of the batch, from 0."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="With a model: rows in the step.")] = 1,
    weight: Annotated[
        str | None, typer.Option(help="Weight to write out, as w5 or 'layer 1[3, 2]'.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit to write out, as 'layer 1[3]'.")] = None,
    run: Annotated[
        str | None, typer.Option(help="Of a study: the run's ID, or how it begins.")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=1, help="Of a study: number of the step, from 1.")
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="Of a study: train the run to its end and compare it with what is stored.",
        ),
    ] = True,
    set_: Set = None,
    training: Annotated[
        bool,
        typer.Option("--training/--predicting", help="Whether dropout and batch norm train."),
    ] = True,
    target: Annotated[
        str | None, typer.Option(help="Column of the answers; the model's by default.")
    ] = None,
    header: Header = None,
    form: Annotated[
        Literal["table", "markdown", "latex", "json"],
        typer.Option("--format", help="What to print."),
    ] = "table",
    out: Annotated[
        Path | None, typer.Option(help="HTML file: the network drawn, step by step.")
    ] = None,
) -> None:
    """Show every number of one step of training: forward, loss, backward, update, forward again."""
    from gradlab.explanation.document import document
    from gradlab.explanation.explain import explain as run_it
    from gradlab.explanation.terminal import show
    from gradlab.process import configure

    if out is not None:
        output_file(out, "--out")
    configure()
    options: dict[str, Any] = {"weight": weight, "unit": unit, "training": training}
    with working("explaining", form != "table"):
        given, more = _given(subject, data, row, rows, set_, target, header)
        if run is not None or step is not None:
            more |= {"run": run, "step": step}
        explanation = run_it(*given, **options, **more, verify=verify, command=typed())
        if out is not None:
            explanation.page(out)
    if form == "json":
        print_json(explanation.to_dict())
    elif form == "markdown":
        print(explanation.markdown(), end="")
    elif form == "latex":
        print(explanation.latex(), end="")
    else:
        show(document(explanation), console())
    if out is not None:
        told = console(stderr=form != "table")
        told.print(f"\nPage: {out}", soft_wrap=True, markup=False)


def _given(
    subject: str | None,
    data: str | None,
    row: int | None,
    rows: int,
    set_: list[str] | None,
    target: str | None,
    header: bool | None,
) -> tuple[tuple, dict[str, Any]]:
    """Return the arguments that a subject needs, and its options."""
    from gradlab.explanation.examples import EXAMPLES
    from gradlab.explanation.rows import rows_of
    from gradlab.training.model import load_model

    name = subject or next(iter(EXAMPLES))
    if name in EXAMPLES:
        if data is not None:
            raise RecipeError(f"The example '{name}' has its own rows; leave {data} out.")
        recipe = recipe_from(set_, EXAMPLES[name].recipe) if set_ else None
        return (name,), {"row": row, "recipe": recipe}
    if set_:
        raise RecipeError(
            "--set changes the recipe of a built-in example; a model or a run has its own."
        )
    path = Path(name)
    if not path.is_file():
        return (name,), {"row": row}
    model = load_model(path)
    if data is None:
        raise RecipeError(f"The model {path} is explained on rows: gradlab explain {path} DATA.")
    chosen = rows_of(model, data, first=row or 0, count=rows, target=target, header=header)
    return (model, *chosen), {}
