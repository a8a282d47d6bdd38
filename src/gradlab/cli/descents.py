"""gradlab descend."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.analyses import free, hand_over, typed, working
from gradlab.cli.studies import Json


def descend(
    surfaces: Annotated[
        list[str] | None,
        typer.Argument(help="bowl, saddle, plateau, double_well, ravine, beale; all by default."),
    ] = None,
    optimizers: Annotated[
        str | None, typer.Option(help="Names with commas between; the usual seven by default.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=5000, help="Of each path.")] = 200,
    noise: Annotated[
        float, typer.Option(min=0.0, help="Standard deviation of noise in the gradients.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the noise.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-descend by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let optimizers race down the classic surfaces; the report shows it as animations."""
    from gradlab.explanation.descents import USUAL, descend_surfaces
    from gradlab.optim.surfaces import SURFACES
    from gradlab.process import configure

    free(out)
    configure()
    with working("descending", as_json):
        study = descend_surfaces(
            tuple(surfaces or SURFACES),
            USUAL if optimizers is None else tuple(n.strip() for n in optimizers.split(",")),
            steps=steps,
            noise=noise,
            seed=seed,
            command=typed(),
        )
    hand_over(study, name="gradlab-descend", out=out, notes=(), as_json=as_json)
