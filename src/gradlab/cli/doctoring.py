"""gradlab doctor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.analyses import free, hand_over, typed
from gradlab.cli.options import recipe_file, recipe_from, source_from
from gradlab.cli.studies import (
    Drop,
    Groups,
    Header,
    Horizon,
    ImageSize,
    Json,
    Ratios,
    RecipeFile,
    Scaling,
    Series,
    Set,
    Target,
    TaskOption,
    Text,
    Time,
    TokensOption,
    Unreadable,
    Window,
)
from gradlab.cli.terminal import console, print_json

if TYPE_CHECKING:
    from gradlab.lab.question import Source
    from gradlab.training.recipe import Recipe


def doctor(
    what: Annotated[
        str | None,
        typer.Argument(
            help="Name of a built-in set, path of data, or a study folder; digits by default."
        ),
    ] = None,
    set_: Set = None,
    recipe_path: RecipeFile = None,
    cure: Annotated[
        bool, typer.Option("--cure", help="Try what the findings propose, and prove the best.")
    ] = False,
    before: Annotated[
        bool, typer.Option("--before", help="Only the checks before a training: some seconds.")
    ] = False,
    history: Annotated[
        Path | None,
        typer.Option(help="A history of someone else's training (CSV or JSON), instead of data."),
    ] = None,
    setup: Annotated[
        Path | None,
        typer.Option(help="With --history: how it was set (TOML or JSON)."),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Of a study: the run's ID; by default its worst.")
    ] = None,
    target: Target = None,
    task: TaskOption = "auto",
    groups: Groups = None,
    time: Time = None,
    drop: Drop = None,
    header: Header = None,
    series: Series = None,
    text: Text = None,
    tokens: TokensOption = None,
    window: Window = None,
    horizon: Horizon = None,
    image_size: ImageSize = None,
    unreadable: Unreadable = "refuse",
    scaling: Scaling = "standard",
    ratios: Ratios = "0.6,0.2,0.2",
    epochs: Annotated[int | None, typer.Option(help="Epochs; 30 by default.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Runs that are looked at.")] = 3,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split.")] = 0,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="About how long trying cures may take.")
    ] = 60.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-doctor by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why a training does not learn as it could, and prove a cure by trying it."""
    from gradlab.doctor.calls import cure as cured
    from gradlab.doctor.calls import diagnose
    from gradlab.errors import RecipeError
    from gradlab.process import configure

    free(out)
    if history is not None:
        if cure:
            raise RecipeError(
                "--cure trains again, and a history can't be trained: give the data instead, with "
                "--set for the recipe."
            )
        if what is not None:
            raise RecipeError(
                f"Give either data ({what}) or --history {history}: one of them is examined."
            )
        from gradlab.doctor.history import read_history

        found = diagnose(read_history(history, setup=setup), command=typed())
        hand_over(found, name="gradlab-doctor", out=out, notes=found.notes, as_json=as_json)
        return
    if setup is not None:
        raise RecipeError(f"--setup {setup} says how a --history came about; give that, too.")
    source = source_from(
        target=target, task=task, groups=groups, time=time, test=None, drop=drop or [],
        header=header, scaling=scaling, ratios=ratios,
        series=series, text=text, tokens=tokens, window=window, horizon=horizon,
        image_size=image_size, unreadable=unreadable,
    )  # fmt: skip
    recipe = recipe_from(set_ or [], recipe_file(recipe_path), epochs=epochs)
    configure()
    if before:
        _tell_checks(what or "digits", recipe, source, seed, cure=cure, as_json=as_json)
        return
    with console(stderr=True).status("examining") as status:
        told = None if as_json else status.update
        options = {"recipe": recipe, "source": source, "run": run, "seed": seed, "seeds": seeds}
        if cure:
            found = cured(
                what or "digits", seconds=seconds, command=typed(), progress=told, **options
            )
        else:
            found = diagnose(what or "digits", command=typed(), progress=told, **options)
    hand_over(found, name="gradlab-doctor", out=out, notes=found.notes, as_json=as_json)


def _tell_checks(
    what: str, recipe: "Recipe", source: "Source", seed: int, *, cure: bool, as_json: bool
) -> None:
    """Print what the checks before a training say."""
    from dataclasses import asdict

    from rich.table import Table

    from gradlab.doctor.calls import check_before_training
    from gradlab.errors import RecipeError

    if cure:
        raise RecipeError("--before only looks, and --cure trains: give one of them.")
    with console(stderr=True).status("checking"):
        found = check_before_training(what, recipe=recipe, source=source, seed=seed)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    table = Table.grid(padding=(0, 2))
    for each in found:
        table.add_row(each.severity, each.check, each.text)
    console().print(table)
