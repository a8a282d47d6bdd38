"""gradlab compare, resume, report."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import output_file, recipe_file, recipe_from, source_from
from gradlab.cli.terminal import console, print_json
from gradlab.errors import GradlabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlab.lab.conduct import Listener, Machine, Progress
    from gradlab.lab.study import Study

Data = Annotated[
    str,
    typer.Argument(help="Name of a built-in set (digits, iris, …) or path of a file or folder."),
]
Target = Annotated[str | None, typer.Option(help="Column to predict; the last one by default.")]
TaskOption = Annotated[
    str, typer.Option(help="auto, binary, multiclass, regression, or reconstruction of the inputs.")
]
Groups = Annotated[str | None, typer.Option(help="Column whose equal values stay in one part.")]
Time = Annotated[
    str | None, typer.Option(help="Column to order by; the latest rows are the test part.")
]
Test = Annotated[
    str | None, typer.Option(help="A second source with the same columns: the test part.")
]
Drop = Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated.")]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help="Whether row 1 holds names.")
]
Series = Annotated[
    str | None, typer.Option(help="Column that names the series of a row, where a row is a step.")
]
Text = Annotated[str | None, typer.Option(help="Column of texts to learn from.")]
TokensOption = Annotated[
    str | None, typer.Option("--tokens", help="Cut texts into words or characters.")
]
Window = Annotated[
    int | None,
    typer.Option(help="Steps that a forecast sees; without --horizon, tokens a row of one text."),
]
Horizon = Annotated[int | None, typer.Option(help="Steps to forecast of the target column.")]
ImageSize = Annotated[
    str | None, typer.Option(help="Size of pictures, as 64x48; the commonest by default.")
]
Unreadable = Annotated[str, typer.Option(help="Damaged pictures: refuse or skip.")]
Scaling = Annotated[str, typer.Option(help="standard, minmax or none.")]
Ratios = Annotated[str, typer.Option(help="Shares of training, validation and test rows.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Field of the base recipe, as dropout=0.2, hidden=64,64 or optimizer.beta1=0.95; "
        "may be repeated.",
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", help="TOML file with a table [recipe], under what --set says."),
]
Seed = Annotated[int, typer.Option(help="Seed of the split and of the first run.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads; the cores by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print the results as JSON, nothing else.")]


def compare(
    data: Data = "digits",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Setting and levels, as optimizer=sgd,adam or hidden=64,64x32; may be repeated. "
            "By default optimizer, init, activation, norm and dropout."
        ),
    ] = None,
    set_: Set = None,
    recipe_path: RecipeFile = None,
    target: Target = None,
    task: TaskOption = "auto",
    groups: Groups = None,
    time: Time = None,
    test: Test = None,
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
    seeds: Annotated[int, typer.Option(help="Judging seeds a level.")] = 10,
    epochs: Annotated[int | None, typer.Option(help="Epochs of every run; 30 by default.")] = None,
    design: Annotated[
        str, typer.Option(help="one-at-a-time, factorial or random.")
    ] = "one-at-a-time",
    samples: Annotated[int, typer.Option(help="Combinations of the random design.")] = 50,
    learning_rates: Annotated[
        int, typer.Option(help="Learning rates tried for every level; 0 switches tuning off.")
    ] = 5,
    tuning_seeds: Annotated[int, typer.Option(help="Seeds each of them is tried on.")] = 3,
    resample: Annotated[
        bool, typer.Option("--resample", help="Other training and validation rows for each seed.")
    ] = False,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Study folder; gradlab-study here by default.")
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Compare training techniques on data: tune each equally, judge on fresh seeds, report."""
    from gradlab.lab.compare import compare as run
    from gradlab.lab.question import Tuning
    from gradlab.lab.words import parse_vary

    source = source_from(
        target=target, task=task, groups=groups, time=time, test=test, drop=drop or [],
        header=header, scaling=scaling, ratios=ratios,
        series=series, text=text, tokens=tokens, window=window, horizon=horizon,
        image_size=image_size, unreadable=unreadable,
    )  # fmt: skip
    base = recipe_from(set_ or [], recipe_file(recipe_path), epochs=epochs)
    _carry_out(
        lambda listener, machine: run(
            data,
            vary=parse_vary(vary or []),
            base=base,
            seeds=seeds,
            design=design,
            samples=samples,
            tune=Tuning(learning_rates=learning_rates, seeds=tuning_seeds),
            seed=seed,
            resample=resample,
            out=out,
            source=source,
            workers=workers,
            progress=listener,
            machine=machine,
        ),
        as_json,
    )


def resume(
    folder: Annotated[Path, typer.Argument(help="Study folder.")],
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Go on with a study that was stopped; it ends with the numbers it would have had."""
    from gradlab.lab.compare import resume as run

    _carry_out(
        lambda listener, machine: run(folder, workers=workers, progress=listener, machine=machine),
        as_json,
    )


def report(
    folder: Annotated[Path, typer.Argument(help="Study folder.")],
    out: Annotated[
        Path | None, typer.Option(help="File; report.html in the folder by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of a study again, and print its ranking."""
    from gradlab.lab.study import open_study

    if out is not None:
        output_file(out, "--out")
    study = open_study(folder)
    path = study.report(out)
    _print(study, path, as_json)


def _carry_out(study_of: "Callable[[Listener, Machine], Study]", as_json: bool) -> None:
    """Run a study with progress on the terminal, then show it."""
    from gradlab.cli.progress import Latest, watching
    from gradlab.lab.conduct import Machine
    from gradlab.process import cache_folder, configure
    from gradlab.training import forecast

    configure()
    costs, known = forecast.load(cache_folder())

    def learned(
        predicted: forecast.Forecast, compiling: float, training: float, programs: frozenset[str]
    ) -> None:
        forecast.learn(
            cache_folder(),
            costs,
            known,
            predicted,
            compile_seconds=compiling,
            train_seconds=training,
            compiled=programs,
        )

    latest = Latest()
    told = console(stderr=True)
    try:
        with watching(told, latest, quiet=as_json) as listener:
            study = study_of(listener, Machine(costs=costs, known_programs=known, learned=learned))
    except (KeyboardInterrupt, GradlabError):
        stand = latest.stand
        if stand is not None:
            told.print(
                f"Stopped: {stand.done} of {stand.total} runs are kept. "
                f"Go on with: gradlab resume {shlex.quote(str(stand.folder))}",
                soft_wrap=True,
                markup=False,
            )
        raise
    if not as_json and latest.stand is not None:
        told.print(_took(latest.stand, study))
    _print(study, study.folder / "report.html", as_json)


def _took(stand: "Progress", study: "Study") -> str:
    from gradlab.training.forecast import format_seconds

    if not stand.forecast.runs:
        return "Nothing was left to do."
    predicted, actual = stand.forecast.seconds, study.timing["seconds"]
    off = 100 * (actual - predicted) / predicted
    return (
        f"Took {format_seconds(actual)}; the forecast was {format_seconds(predicted)} "
        f"({off:+.0f} %)."
    )


def _print(study: "Study", path: Path, as_json: bool) -> None:
    from gradlab.cli.show import show_study, study_json

    if as_json:
        print_json({**study_json(study), "report": str(path)})
        return
    out = console()
    show_study(study, out)
    out.print(f"\nRepeat: {study.command}", soft_wrap=True, markup=False)
    out.print(f"Report: {path}", soft_wrap=True, markup=False)
