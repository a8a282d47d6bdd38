"""gradlab list: what there is to vary."""

from typing import Annotated

import typer

from gradlab.errors import RecipeError, unknown


def listing(
    family: Annotated[
        str | None,
        typer.Argument(
            help="optimizer, init, activation, norm, schedule, loss or data; all if left out."
        ),
    ] = None,
) -> None:
    """List the techniques and data sets that can be named, with their parameters."""
    from rich.console import Console
    from rich.table import Table

    families = _families()
    singular = family.rstrip("s").lower() if family else None
    names = {"initializer": "init", "initialiser": "init", "normalization": "norm", "loos": "loss"}
    chosen = names.get(singular or "", singular)
    if family and family.lower() == "loss":
        chosen = "loss"
    if chosen is not None and chosen not in families:
        raise RecipeError(unknown("family", family or "", families))
    console = Console(highlight=False)
    for name, rows in families.items():
        if chosen not in (None, name):
            continue
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
        table.add_column(name, no_wrap=True)
        table.add_column("")
        table.add_column("parameters")
        for row in rows:
            table.add_row(*row)
        console.print(table)
        console.print()


def _families() -> dict[str, list[tuple[str, str, str]]]:
    from gradlab.data import BUILTIN
    from gradlab.nn.activations import ACTIVATIONS
    from gradlab.nn.initializers import INITIALIZERS
    from gradlab.nn.losses import LOSSES
    from gradlab.nn.normalization import NORMALIZATIONS
    from gradlab.optim import OPTIMIZERS
    from gradlab.optim.schedules import SCHEDULES

    return {
        "optimizer": [
            (name, kind.benefit, _parameters("optimizer", kind.factory))
            for name, kind in OPTIMIZERS.items()
        ],
        "init": [(n, _first(f), _parameters("init", f)) for n, f in INITIALIZERS.items()],
        "activation": [
            (n, _first(f), _parameters("activation", f)) for n, f in ACTIVATIONS.items()
        ],
        "norm": [(n, _first(f), _parameters("norm", f)) for n, f in NORMALIZATIONS.items()],
        "schedule": [(n, _first(f), _parameters("schedule", f)) for n, f in SCHEDULES.items()],
        "loss": [(n, f"{kind.task}: {kind.formula}", "") for n, kind in LOSSES.items()],
        "data": [(name, "", "") for name in BUILTIN],
    }


def _first(part) -> str:
    if part is None:
        return "no normalisation"
    return (part.__doc__ or "").strip().splitlines()[0].rstrip(".")


def _parameters(family: str, technique) -> str:
    from gradlab.training.recipe import keyword_parameters

    return ", ".join(f"{family}.{n}={v}" for n, v in keyword_parameters(technique).items())
