"""gradlab list: what there is to vary."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli.terminal import console
from gradlab.errors import RecipeError, unknown

if TYPE_CHECKING:
    from rich.console import Console

FAMILIES = ("optimizer", "init", "activation", "norm", "schedule", "loss", "reduce", "data")
OTHER_NAMES = {
    "initializer": "init",
    "initialiser": "init",
    "initialisation": "init",
    "normalization": "norm",
    "normalisation": "norm",
    "reduction": "reduce",
    "losse": "loss",
}
"""What else people call a family, without a plural's s."""


def listing(
    family: Annotated[
        str | None,
        typer.Argument(help=f"{', '.join(FAMILIES[:-1])} or {FAMILIES[-1]}; all if left out."),
    ] = None,
) -> None:
    """List the techniques and data sets that can be named, with their parameters."""
    chosen = FAMILIES if family is None else (_family(family),)
    out = console()
    for name in chosen:
        _show(out, name, _rows(name))


def _family(text: str) -> str:
    word = text.strip().lower()
    if word in FAMILIES:
        return word
    singular = word.removesuffix("s")
    found = OTHER_NAMES.get(singular, singular)
    if found not in FAMILIES:
        raise RecipeError(unknown("family", text, FAMILIES))
    return found


def _show(out: "Console", family: str, rows: list[tuple[str, str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(family, no_wrap=True)
    if any(what for _, what, _ in rows):
        table.add_column("")
    if any(parameters for *_, parameters in rows):
        table.add_column("parameters")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[: len(table.columns)]))
    out.print(table)
    out.print()


def _rows(family: str) -> list[tuple[str, str, str]]:
    """Return name, what it is, and parameters of every member of a family."""
    from gradlab.data import BUILTIN
    from gradlab.nn.activations import ACTIVATIONS
    from gradlab.nn.initializers import INITIALIZERS
    from gradlab.nn.losses import LOSSES
    from gradlab.nn.normalization import NORMALIZATIONS
    from gradlab.optim import OPTIMIZERS
    from gradlab.optim.schedules import SCHEDULES
    from gradlab.training.reduction import METHODS

    if family == "optimizer":
        return [
            (name, kind.benefit, _parameters(family, kind.factory))
            for name, kind in OPTIMIZERS.items()
        ]
    if family == "loss":
        return [
            (name, f"{', '.join(kind.tasks)}: {kind.formula}", "") for name, kind in LOSSES.items()
        ]
    if family == "reduce":
        return [(name, what, "") for name, what in METHODS.items()]
    if family == "data":
        return [(name, "", "") for name in BUILTIN]
    parts: dict[str, Any] = {
        "init": INITIALIZERS,
        "activation": ACTIVATIONS,
        "norm": NORMALIZATIONS,
        "schedule": SCHEDULES,
    }[family]
    return [(name, _first_line(part), _parameters(family, part)) for name, part in parts.items()]


def _first_line(part: Callable | None) -> str:
    if part is None:
        return "no normalisation"
    return (part.__doc__ or "").strip().splitlines()[0].rstrip(".")


def _parameters(family: str, technique: Callable | None) -> str:
    from gradlab.training.recipe import keyword_parameters

    return ", ".join(f"{family}.{n}={v}" for n, v in keyword_parameters(technique).items())
