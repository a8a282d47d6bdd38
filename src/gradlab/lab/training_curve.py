"""The learning curve of one training as a picture and a table."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from gradlab.errors import RecipeError
from gradlab.files import write_whole
from gradlab.training.population import HISTORY


def curve_path(path: str | Path) -> Path:
    """Return the path of the picture; its table will lie beside it with the ending .csv.

    Raises:
        RecipeError: If the name does not end in .html.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise RecipeError(
            "The learning curve is an interactive picture; give a name that ends in .html, "
            f"not {path}."
        )
    return path


def write_learning_curve(
    history: Float[np.ndarray, "epochs 3"], path: str | Path
) -> tuple[Path, Path]:
    """Write training and validation loss over the epochs, with the least validation loss marked.

    Args:
        history: Train loss, validation loss and validation score of each epoch.
        path: HTML file of the picture, which works offline.

    Returns:
        The paths of the picture and of the table, whose last column is true at the minimum.

    Raises:
        RecipeError: If the name does not end in .html.
        StudyError: If a file can't be written.
    """
    import polars as pl

    from gradlab.plots.learning_curve import learning_curve_figure

    picture = curve_path(path)
    train_loss, validation_loss, _ = history.T
    figure = learning_curve_figure(train_loss, validation_loss)
    epochs = np.arange(1, len(history) + 1)
    table = pl.DataFrame(
        {
            "epoch": epochs,
            **dict(zip(HISTORY, history.T, strict=True)),
            "minimum": epochs == 1 + np.argmin(validation_loss),
        }
    )
    written = write_whole(picture, figure.to_html())
    return written, write_whole(picture.with_suffix(".csv"), table.write_csv())
