"""gradlab score."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gradlab.cli.analyses import free, hand_over, typed, working
from gradlab.cli.options import cost_from
from gradlab.cli.studies import Header, Json


def score(
    source: Annotated[
        Path,
        typer.Argument(help="Table with truth and predictions, or model file of `gradlab train`."),
    ],
    data: Annotated[
        str | None,
        typer.Argument(help="With a model: what it predicts. With a table: where the truth is."),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="Column of the truth; of 'predicted X' it is X by default.")
    ] = None,
    predicted: Annotated[
        str | None, typer.Option(help="Column of the prediction; 'predicted X' by default.")
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(help="Column of scores; may be repeated. All 'p(label)' by default."),
    ] = None,
    kind: Annotated[
        Literal["auto", "binary", "multiclass", "regression"],
        typer.Option(help="What the table holds: classes, or a quantity."),
    ] = "auto",
    positive: Annotated[str | None, typer.Option(help="Positive class of two.")] = None,
    cost: Annotated[
        str | None,
        typer.Option(help="Costs of a false alarm and of a miss, as 1:5; 1:1 by default."),
    ] = None,
    header: Header = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the bootstrap.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-score by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge predictions by every score that fits, with intervals, curves and the best threshold."""
    from gradlab.lab.scoring.study import score_study
    from gradlab.process import configure

    free(out)
    costs = None if cost is None else cost_from(cost)
    configure()
    with working("scoring", as_json):
        study = score_study(
            source,
            data,
            truth=truth,
            predicted=predicted,
            scores=tuple(scores) if scores else None,
            kind=kind,
            positive=positive,
            cost=costs,
            header=header,
            seed=seed,
            command=typed(),
        )
    hand_over(study, name="gradlab-score", out=out, notes=study.notes, as_json=as_json)
