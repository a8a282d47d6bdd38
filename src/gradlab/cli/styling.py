"""gradlab style."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli.analyses import free, hand_over, typed
from gradlab.cli.options import as_options
from gradlab.cli.studies import Json
from gradlab.cli.terminal import console, print_json

if TYPE_CHECKING:
    from gradlab.style.job import Stand

PREVIEW_EVERY = 5.0
"""Seconds between two previews."""

UNFINISHED = ".gradlab-style"
"""Ending of the file beside the result that holds an unfinished picture."""


def style(
    content: Annotated[str, typer.Argument(help="Picture that tells what to show.")],
    paintings: Annotated[
        list[str], typer.Argument(help="Picture that tells how to paint it; several are blended.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The result, styled.png by default; of a sweep a folder."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="File of weights (SqueezeNet v1.1 or VGG, safetensors or PyTorch); without it "
            "the built-in network."
        ),
    ] = None,
    convention: Annotated[
        str | None, typer.Option(help="How pixels enter the network: torch, caffe, unit.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Longer side in pixels; the content's, 1024 at most.")
    ] = None,
    content_weight: Annotated[
        float, typer.Option(help="α; 0.001 is usual, 0.01 suits two photographs.")
    ] = 1e-3,
    style_weight: Annotated[float, typer.Option(help="β.")] = 1.0,
    total_variation: Annotated[float, typer.Option(help="γ: more is smoother.")] = 2.0,
    steps: Annotated[int, typer.Option(help="At the coarsest size; fewer at finer ones.")] = 150,
    optimizer: Annotated[str, typer.Option(help="lbfgs, adam, sgd, …")] = "lbfgs",
    learning_rate: Annotated[float | None, typer.Option(help="Of adam, sgd, ….")] = None,
    start: Annotated[str, typer.Option(help="content or noise.")] = "content",
    levels: Annotated[int | None, typer.Option(help="Sizes from coarse to fine.")] = None,
    style_scale: Annotated[float, typer.Option(help="Size of the painting: larger strokes.")] = 1.0,
    shares: Annotated[
        str | None, typer.Option(help="How much each of several paintings counts: 2,1.")
    ] = None,
    colours: Annotated[
        str, typer.Option(help="style; luminance or histogram keep the content's colours.")
    ] = "style",
    mask: Annotated[
        str | None,
        typer.Option(help="Picture: white takes the style; or one grey level for each painting."),
    ] = None,
    content_layers: Annotated[str | None, typer.Option(help="Such as fire4, or two: a,b.")] = None,
    style_layers: Annotated[str | None, typer.Option(help="Such as relu1,fire3.")] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="Sweep: content layers, one picture each: fire2,fire4,fire7."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="Sweep: content_weight=0.1,0.01,0.001; twice for rows and columns."),
    ] = None,
    preview: Annotated[
        bool, typer.Option(help="Write RESULT-preview.png every few seconds.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of noise.")] = 0,
    fresh: Annotated[
        bool, typer.Option(help="Begin anew even if an unfinished picture lies there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Paint a photo in the style of a painting; Ctrl-C stops, the same command goes on."""
    from gradlab.errors import RecipeError
    from gradlab.process import configure

    options: dict[str, Any] = {
        "convention": convention,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "total_variation": total_variation,
        "steps": steps,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "start": start,
        "levels": levels,
        "style_scale": style_scale,
        "style_shares": None if shares is None else _numbers(shares),
        "colours": colours,
        "mask": mask,
        "content_layers": _words(content_layers),
        "style_layers": _words(style_layers),
        "random_state": seed,
    }
    configure()
    swept = _swept(vary, layers)
    if swept:
        if mask is not None and "style" in swept:
            raise RecipeError("--mask and a sweep over style exclude each other. Leave one out.")
        _sweep(content, paintings, swept, network, size, options, out, as_json)
        return
    _transfer(content, paintings, network, size, options, out, preview, fresh, as_json)


def _transfer(
    content: str,
    paintings: list[str],
    network: str | None,
    size: int | None,
    options: dict[str, Any],
    out: Path | None,
    preview: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    from gradlab.errors import StudyError
    from gradlab.style import transfer_style
    from gradlab.style.result import picture_kind, write_picture

    path = Path("styled.png") if out is None else out
    picture_kind(path)
    if not path.absolute().parent.is_dir():
        raise StudyError(f"The folder of {path} does not exist. Make it, or choose another --out.")
    unfinished, shown = path.with_name(path.name + UNFINISHED), _beside(path, "preview")
    if fresh:
        unfinished.unlink(missing_ok=True)
    told = console(stderr=True)
    if unfinished.exists() and not as_json:
        told.print(f"Going on with {unfinished}.", markup=False, soft_wrap=True)
    written = time.monotonic()

    def tell(stand: "Stand") -> None:
        nonlocal written
        show(stand, 0, 1)
        if preview and time.monotonic() - written > PREVIEW_EVERY:
            write_picture(stand.image(), shown)
            written = time.monotonic()

    with _watching(told, as_json) as show:
        try:
            result = transfer_style(
                content,
                paintings,
                network=network,
                size=size,
                progress=tell,
                resume=unfinished,
                **options,
            )
        except KeyboardInterrupt:
            if unfinished.exists():
                told.print(
                    f"Kept in {unfinished}; the same command goes on from there.",
                    markup=False,
                    soft_wrap=True,
                )
            raise
    result.save(path)
    shown.unlink(missing_ok=True)
    if as_json:
        from gradlab.lab.analysis.results_folder import plain

        print_json({**plain(result.to_dict()), "picture": str(path)})
        return
    for note in result.notes:
        told.print(as_options(note), style="dim", markup=False, soft_wrap=True)
    face = console()
    for i, sentence in enumerate(result.sentences):
        face.print(sentence, style="bold" if i == 0 else "", markup=False)
    face.print(f"\nPicture: {path}", soft_wrap=True, markup=False)


def _sweep(
    content: str,
    paintings: list[str],
    swept: dict[str, list[str]],
    network: str | None,
    size: int | None,
    options: dict[str, Any],
    out: Path | None,
    as_json: bool,
) -> None:
    from gradlab.lab.styling.study import style_study

    free(out)
    with _watching(console(stderr=True), as_json) as show:
        study = style_study(
            content,
            paintings,
            swept,
            network=network,
            size=256 if size is None else size,
            command=typed(),
            progress=lambda i, n, stand: show(stand, i, n),
            **options,
        )
    hand_over(study, name="gradlab-style", out=out, notes=study.notes, as_json=as_json)


def _swept(vary: list[str] | None, layers: str | None) -> dict[str, list[str]]:
    from gradlab.errors import RecipeError

    swept: dict[str, list[str]] = {}
    for text in vary or []:
        name, equals, values = text.partition("=")
        if not equals and name != "style":
            raise RecipeError(f"--vary takes NAME=VALUE,VALUE,…; got {text!r}.")
        swept[name] = [value for value in values.split(",") if value]
    if layers is not None:
        swept["content_layers"] = _words(layers) or []
    return swept


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[float]:
    from gradlab.errors import RecipeError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise RecipeError(f"--shares takes numbers such as 2,1; got {text!r}.") from error


def _beside(path: Path, word: str) -> Path:
    return path.with_name(f"{path.stem}-{word}{path.suffix}")


@contextlib.contextmanager
def _watching(told: Any, as_json: bool) -> Iterator[Any]:
    """Show how far the work has come; the block gets what to tell it with."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[loss]}", markup=False),
        console=told,
        disable=as_json or not told.is_terminal,
        transient=True,
    )
    task = bar.add_task("looking at the pictures", total=1.0, loss="")

    def show(stand: "Stand", number: int, n: int) -> None:
        height, width = stand.size
        of = "" if n == 1 else f"{number + 1}/{n}, "
        bar.update(
            task,
            completed=(number + stand.share) / n,
            description=f"{of}{width} x {height}",
            loss=f"content {stand.content:.2f}, style {stand.style:.4f}",
        )

    with bar:
        yield show
