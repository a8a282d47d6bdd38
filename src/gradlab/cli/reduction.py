"""gradlab reduce."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.analyses import free, hand_over, typed, working
from gradlab.cli.options import components_from, counts_from
from gradlab.cli.studies import Drop, Header, ImageSize, Json


def reduce(
    data: Annotated[
        str,
        typer.Argument(
            help="Table (CSV, Parquet, npz, …), built-in set, folder of pictures, or one photo."
        ),
    ],
    method: Annotated[
        str | None,
        typer.Option(
            help="pca, lda, kernel-pca, factor, merge, polynomial or eigenfaces; pca by default, "
            "of pictures eigenfaces."
        ),
    ] = None,
    components: Annotated[
        str | None,
        typer.Option(
            help="How many to keep: 2, a share of the variance as 0.7, or none for all; 0.7 by "
            "default. lda and factor take no share. For merge a share is the correlation from "
            "which columns are joined, and none still joins those that correlate by 0.7. "
            "Of one photo several, as 5,20,50."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Column of classes: what lda separates, and colours the rows else."),
    ] = None,
    drop: Drop = None,
    header: Header = None,
    image_size: ImageSize = None,
    scaling: Annotated[
        str | None,
        typer.Option(help="standard, minmax, none; auto, the default: standard, of pictures none."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of samples and folds; 0 by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-reduce by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say in fewer columns what many say; report how many are enough and what they mean."""
    from gradlab.errors import RecipeError
    from gradlab.lab.photos.reading import is_photo_source
    from gradlab.process import configure

    free(out)
    configure()
    pictures = is_photo_source(data)
    if pictures and not Path(data).is_dir():
        given = {
            "--target": target,
            "--drop": drop,
            "--method": method,
            "--scaling": scaling,
            "--image-size": image_size,
            "--header": header,
            "--seed": seed,
        }
        for option, value in given.items():
            if value is not None:
                raise RecipeError(
                    f"{option} is for tables and sets of pictures; {data} is one photo. Leave it "
                    "out."
                )
        from gradlab.lab.photos.compression import compression_study

        asked = None if components is None else counts_from(components, "--components")
        with working("compressing", as_json):
            photo = compression_study(data, asked, command=typed())
        hand_over(photo, name="gradlab-reduce", out=out, notes=photo.photo.notes, as_json=as_json)
        return
    from gradlab.lab.reduction.study import reduction_study

    with working("reducing", as_json):
        study = reduction_study(
            data,
            method or ("eigenfaces" if pictures else "pca"),
            n_components=None if components is None else components_from(components),
            target=target,
            drop=tuple(name for text in drop or [] for name in text.split(",")),
            scaling=scaling or "auto",
            header=header,
            image_size=image_size,
            seed=seed or 0,
            command=typed(),
        )
    hand_over(study, name="gradlab-reduce", out=out, notes=study.notes, as_json=as_json)
