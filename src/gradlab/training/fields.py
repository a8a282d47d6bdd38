"""Fields of recipes: their types, and what is said of a wrong value."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gradlab.errors import RecipeError, unknown
from gradlab.nn.activations import ACTIVATIONS
from gradlab.nn.initializers import INITIALIZERS
from gradlab.nn.losses import KERAS_LOSSES, LOSSES
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.optim.schedules import SCHEDULES

MAX_WIDTH = 100_000


class Part(BaseModel):
    """A frozen model whose mistakes are one `RecipeError`, whatever found them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False
    )

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise RecipeError(_message(error, type(self))) from None


def name_from(
    what: str, family: Mapping[str, Any], others: Mapping[str, str] | None = None
) -> Callable[[Any], Any]:
    """Return the check of a name, in any case, against those that a family has.

    Args:
        what: The field.
        family: Its names.
        others: What other libraries call them; the recipe holds ours.
    """

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(
                f"{what} must be a name; got {shown(value)}. Known: {', '.join(family)}."
            )
        name = value.lower()
        name = (others or {}).get(name, name)
        if name not in family:
            raise ValueError(unknown(what, value, family))
        return name

    return check


def _one_or_each(value: Any) -> Any:
    check = name_from("activation", ACTIVATIONS)
    return tuple(map(check, value)) if isinstance(value, list | tuple) else check(value)


ActivationName = Annotated[str, BeforeValidator(name_from("activation", ACTIVATIONS))]
ActivationNames = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_each)]
NormName = Annotated[str, BeforeValidator(name_from("norm", NORMALIZATIONS))]
InitName = Annotated[str, BeforeValidator(name_from("init", INITIALIZERS))]
ScheduleName = Annotated[str, BeforeValidator(name_from("schedule", SCHEDULES))]
LossName = Annotated[
    str, BeforeValidator(name_from("loss", {"auto": None, **LOSSES}, KERAS_LOSSES))
]
Units = Annotated[int, Field(ge=1, le=MAX_WIDTH)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
NonNegativeNumber = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def shown(value: Any) -> str:
    """Return what came, cut to a length that a sentence bears."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else "it"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _message(error: ValidationError, part: type[BaseModel]) -> str:
    """Return Pydantic's findings as sentences in the words of a recipe."""
    sentences: dict[str, str] = {}
    rejected: dict[str, list[str]] = {}
    for item in error.errors():
        # Pydantic puts its own names of a union's branches among the names of fields.
        path = [p for p in item["loc"] if isinstance(p, int) or p in part.model_fields]
        where = ".".join(map(str, path)) or ".".join(map(str, item["loc"]))
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            what = f"{part.__name__.lower()} field"
            sentences[where] = unknown(what, str(item["loc"][-1]), part.model_fields)
        elif item["type"] == "value_error":
            sentences[where] = f"{where}: {text}" if len(path) > 1 else text
        else:
            # The branches of a union fail together: "…, or …".
            reasons = rejected.setdefault(where, [])
            reasons.append(text[0].lower() + text[1:])
            sentences[where] = f"{where}: {', or '.join(reasons)}; got {shown(item['input'])}."
    return re.sub(r"\s+", " ", " ".join(sentences.values()))
