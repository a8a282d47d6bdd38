"""gradlab train, predict."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.options import as_options, output_file, recipe_file, recipe_from, source_from
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
    Test,
    Text,
    Time,
    TokensOption,
    Unreadable,
    Window,
)
from gradlab.cli.terminal import console, print_json
from gradlab.errors import RecipeError


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="Name of a built-in set or path; the study's data, or digits."),
    ] = None,
    set_: Set = None,
    recipe_path: RecipeFile = None,
    study: Annotated[
        Path | None, typer.Option(help="Train the best recipe of this study folder.")
    ] = None,
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
    epochs: Annotated[int | None, typer.Option(help="Epochs; 30 by default.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of split and weights; 0, or the study's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Model file.")] = Path("model.safetensors"),
    curve: Annotated[
        Path | None,
        typer.Option(help="HTML file for the learning curve; its table lies beside it as CSV."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train one recipe and save the model with its preprocessing."""
    from gradlab.cli.show import show_network
    from gradlab.lab.study import open_study
    from gradlab.lab.train import train as run
    from gradlab.process import configure
    from gradlab.training.network import network_table

    source = source_from(
        target=target, task=task, groups=groups, time=time, test=test, drop=drop or [],
        header=header, scaling=scaling, ratios=ratios,
        series=series, text=text, tokens=tokens, window=window, horizon=horizon,
        image_size=image_size, unreadable=unreadable,
    )  # fmt: skip
    output_file(out, "--out")
    opened = None if study is None else open_study(study)
    given = recipe_file(recipe_path)
    if given is not None and opened is not None:
        raise RecipeError(
            f"Give either --recipe {recipe_path} or --study {study}: each names a recipe."
        )
    recipe = recipe_from(set_ or [], given if opened is None else opened.best, epochs=epochs)
    if opened is not None and data is None:
        # Its data, split as it was: what chose the recipe must not test it.
        source = opened.source
        data, seed = source.path, opened.seed if seed is None else seed
    configure()
    told = console(stderr=True)
    with told.status("training") as status:
        fitted = run(
            data or "digits",
            recipe,
            source=source,
            seed=seed or 0,
            curve=curve,
            progress=lambda done, total: status.update(f"training: epoch {done} of {total}"),
        )
    path = fitted.model.save(out)
    if as_json:
        print_json(
            {
                "model": str(path),
                "status": fitted.status,
                "epochs": fitted.epochs,
                "score": fitted.score_name,
                "train_score": fitted.train_score,
                "validation_score": fitted.validation_score,
                "test_score": fitted.test_score,
                "trivial_score": fitted.trivial_score,
                "fit": None if fitted.fit is None else fitted.fit.label,
                "recipe": fitted.model.recipe.describe(),
                "network": [
                    {
                        "layer": row.layer,
                        "output_shape": list(row.output_shape),
                        "parameters": row.n_parameters,
                    }
                    for row in network_table(fitted.model.recipe, fitted.model.interface)
                ],
                "notes": list(fitted.notes),
            }
        )
        return
    for note in fitted.notes:
        told.print(as_options(note), style="dim", markup=False)
    scores = [("train", fitted.train_score), ("validation", fitted.validation_score)]
    scores.append(("test", fitted.test_score))
    listed = ", ".join(f"{name} {value:.4f}" for name, value in scores if value is not None)
    trivial = fitted.trivial_score
    nothing = f" (a model that has learnt nothing: {trivial:.4f})" if trivial == trivial else ""
    shown = console()
    show_network(network_table(fitted.model.recipe, fitted.model.interface), shown)
    shown.print(f"{fitted.score_name}: {listed}{nothing}")
    if fitted.fit is not None and fitted.fit.high_variance:
        shown.print(fitted.fit.sentence)
    shown.print(f"{fitted.epochs} epochs in {fitted.seconds:.1f} s")
    if curve is not None:
        shown.print(f"Learning curve: {curve}", soft_wrap=True, markup=False)
    shown.print(f"Model: {path}", soft_wrap=True, markup=False)


def predict(
    model: Annotated[Path, typer.Argument(help="Model file of `gradlab train`.")],
    data: Annotated[str, typer.Argument(help="Data of the kind the model was trained on.")],
    out: Annotated[Path, typer.Option(help="CSV to write.")] = Path("predictions.csv"),
    header: Header = None,
) -> None:
    """Write a prediction, and the probability of each class, for every row of the data."""
    import polars as pl

    from gradlab.data import features_like, list_images
    from gradlab.errors import DataError
    from gradlab.files import write_whole
    from gradlab.process import configure
    from gradlab.training.model import load_model

    output_file(out, "--out")
    loaded = load_model(model)
    if loaded.preprocessor is None:
        raise DataError(
            f"{model} was saved by an estimator without its preprocessing; load it in Python with "
            "gradlab.load_model and give it scaled inputs."
        )
    if loaded.interface.per_step:
        raise DataError(
            f"{model} tells the next token of a text at every place, which no table holds. Load it "
            "in Python with gradlab.load_model, or train a gradlab.CharLanguageModel to write text."
        )
    features = features_like(data, loaded.preprocessor, header=header, **loaded.reading)
    files = list_images(data, header=header) if features.kind == "image" else None
    configure()
    x, lengths = loaded.inputs(features), loaded.lengths(features)
    predicted, name = loaded.predict(x, lengths), f"predicted {loaded.target_name}"
    columns: dict = {} if files is None else {"file": files}
    if predicted.ndim == 1:
        columns[name] = predicted
    else:
        columns |= {f"{name} +{step + 1}": values for step, values in enumerate(predicted.T)}
    if loaded.kind != "regression":
        shares = loaded.predict_proba(x, lengths)
        for i, label in enumerate(loaded.classes):
            columns[f"p({label})"] = shares[:, i]
    write_whole(out, pl.DataFrame(columns).write_csv())
    console().print(f"{features.n_rows:,} predictions: {out}", soft_wrap=True, markup=False)
