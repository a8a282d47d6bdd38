"""gradlab generate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli.analyses import free, hand_over, typed
from gradlab.cli.studies import Drop, Header, ImageSize, Json
from gradlab.cli.terminal import console

if TYPE_CHECKING:
    from gradlab.generative.gan.population import Listener, Told

NAME = "gradlab-generate"
INTERRUPTED = 130


def generate(
    data: Annotated[
        str,
        typer.Argument(
            help="Pictures, a table or a built-in set to learn from; or a model.safetensors that "
            "an earlier run wrote, to sample again."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="gan, dcgan, mixture, naive_bayes, boltzmann, or hidden_markov, which reads a row "
            "as a sequence; auto is dcgan for pictures, else gan."
        ),
    ] = "auto",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, as learning_rate=0.0005 or optimizer.beta1=0.5."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="A setting to compare, as loss=minimax,non_saturating."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each level.")] = 1,
    samples: Annotated[int, typer.Option(min=1, help="Rows or pictures to generate.")] = 64,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the samples.")] = 0,
    target: Annotated[
        str | None, typer.Option(help="Column that tells what rows are; it is not generated.")
    ] = None,
    drop: Drop = None,
    header: Header = None,
    image_size: ImageSize = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-generate by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn to make new rows or pictures like those of the data, and say how like them they are."""
    from gradlab.errors import RecipeError
    from gradlab.process import configure

    free(out)
    configure()
    if data.lower().endswith(".safetensors"):
        given = {"--epochs": epochs, "--set": set_, "--vary": vary, "--target": target}
        for option, value in given.items():
            if value:
                raise RecipeError(f"{option} is for a training; {data} is trained. Leave it out.")
        _sample_again(data, samples, seed, out, as_json)
        return
    from gradlab.doctor.adversarial import diagnose_gan
    from gradlab.lab.generation.asking import generate_study

    settings = _settings(set_ or [])
    if epochs is not None:
        settings["epochs"] = epochs
    levels = {name: [_value(part) for part in text.split(",")] for name, text in _pairs(vary or [])}
    with _watching(as_json) as listener:
        study = generate_study(
            data,
            levels,
            model=model,
            settings=settings,
            seeds=seeds,
            samples=samples,
            seed=seed,
            target=target,
            drop=tuple(name for text in drop or [] for name in text.split(",")),
            header=header,
            image_size=image_size,
            listener=listener,
            command=typed(),
            diagnose=diagnose_gan,
        )
    hand_over(study, name=NAME, out=out, notes=study.source.notes, as_json=as_json)
    if study.stopped:
        raise typer.Exit(INTERRUPTED)


def _sample_again(path: str, samples: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Write samples of a saved model."""
    from gradlab.cli.terminal import print_json
    from gradlab.lab.analysis.results_folder import check_results_free
    from gradlab.lab.folder import new_folder
    from gradlab.lab.generation.files import write_samples, write_table
    from gradlab.lab.generation.models import read_model

    trained = read_model(path)
    made = trained.sample(samples, seed)
    folder = new_folder(out, NAME, check_results_free)
    if made.ndim == 4:
        write_samples(made, folder)
    else:
        write_table(made, trained.names, folder)
    written = sorted(str(file) for file in folder.iterdir())
    if as_json:
        print_json({"samples": samples, "seed": seed, "folder": str(folder), "files": written})
        return
    console().print(f"{samples} samples of seed {seed}: {folder}", soft_wrap=True, markup=False)


@contextmanager
def _watching(as_json: bool) -> "Iterator[Listener | None]":
    """Show on the terminal how far the training is."""
    if as_json:
        yield None
        return
    with console(stderr=True).status("reading") as status:

        def listen(told: "Told") -> None:
            status.update(_line(told))

        yield listen


def _line(told: "Told") -> str:
    """Return the state of the training in a line."""
    shown = {
        "D(x)": told.numbers.get("d_real"),
        "D(G(z))": told.numbers.get("d_fake"),
        "diversity": told.numbers.get("diversity"),
        "Fréchet": told.numbers.get("frechet"),
    }
    words = [f"{name} {value:.3g}" for name, value in shown.items() if value is not None]
    runs = f"{told.done} of {told.total} runs, " if told.total > 1 else ""
    return f"training: {runs}epoch {told.epoch:.1f} of {told.epochs}, " + ", ".join(words)


def _settings(texts: list[str]) -> dict[str, Any]:
    return {
        name: tuple(_value(part) for part in text.split(","))
        if "," in text or name == "hidden"
        else _value(text)
        for name, text in _pairs(texts)
    }


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    from gradlab.errors import RecipeError

    found = []
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name or not value:
            raise RecipeError(f"A setting is written name=value; got '{text}'.")
        found.append((name.strip().replace("-", "_"), value))
    return found


def _value(text: str) -> Any:
    """Return a number, True, False or None where the text says one, else the text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
