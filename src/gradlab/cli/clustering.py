"""gradlab cluster."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.analyses import free, hand_over, typed, working
from gradlab.cli.options import counts_from
from gradlab.cli.studies import Drop, Header, ImageSize, Json


def cluster(
    data: Annotated[
        str,
        typer.Argument(
            help="Table (CSV, Parquet, npz, …), built-in set, photo, or folder of photos."
        ),
    ],
    k: Annotated[
        str | None,
        typer.Option(
            "--k",
            help="Number of clusters or colours: 3, or several as 2,3,10 or 2-10. Of a table the "
            "best is chosen; of a photo all are drawn.",
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="kmeans or fuzzy.")] = "kmeans",
    target: Annotated[
        str | None,
        typer.Option(help="Column that tells what rows are: clusters are judged by it only."),
    ] = None,
    drop: Drop = None,
    header: Header = None,
    image_size: ImageSize = None,
    scaling: Annotated[
        str, typer.Option(help="standard, minmax, none; auto is standard, of pictures none.")
    ] = "auto",
    beta: Annotated[
        float | None, typer.Option(help="Fuzzy: stiffness of the softmax form; 1 by default.")
    ] = None,
    m: Annotated[
        float | None, typer.Option("--m", help="Fuzzy: exponent of Bezdek's form instead.")
    ] = None,
    restarts: Annotated[
        int | None, typer.Option(help="Starts, the best is kept; 10, of a photo 4.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of starts and samples.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; gradlab-cluster by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find rows that are alike, or draw photos with few colours; report how many groups and why."""
    from gradlab.errors import RecipeError
    from gradlab.lab.photos.reading import is_photo_source
    from gradlab.process import configure

    free(out)
    ks = None if k is None else counts_from(k, "--k")
    configure()
    if is_photo_source(data):
        given = {
            "--target": target,
            "--drop": drop,
            "--no-header" if header is False else "--header": header,
            "--image-size": image_size,
            "--scaling": None if scaling == "auto" else scaling,
            "--beta": beta,
            "--m": m,
        }
        for option, value in given.items():
            if value is not None:
                what = "sets of pictures" if option == "--image-size" else "tables"
                raise RecipeError(f"{option} is for {what}; {data} is a photo. Leave it out.")
        if method != "kmeans":
            raise RecipeError(f"Photos are drawn by k-means; leave --method {method} out.")
        from gradlab.lab.photos.segmentation import segmentation_study

        with working("clustering colours", as_json):
            photos = segmentation_study(
                data, ks, restarts=4 if restarts is None else restarts, seed=seed, command=typed()
            )
        hand_over(photos, name="gradlab-cluster", out=out, notes=photos.notes, as_json=as_json)
        return
    from gradlab.lab.clustering.study import cluster_study

    with working("clustering", as_json):
        study = cluster_study(
            data,
            ks,
            method=method,
            target=target,
            drop=tuple(name for text in drop or [] for name in text.split(",")),
            scaling=scaling,
            header=header,
            image_size=image_size,
            beta=beta,
            m=m,
            restarts=10 if restarts is None else restarts,
            seed=seed,
            command=typed(),
        )
    hand_over(study, name="gradlab-cluster", out=out, notes=study.inputs.notes, as_json=as_json)
