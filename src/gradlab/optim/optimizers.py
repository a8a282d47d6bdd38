"""All optimizers by name, their family tree and their summary table."""

from gradlab.errors import RecipeError, unknown
from gradlab.optim.adadelta import ADADELTA
from gradlab.optim.adagrad import ADAGRAD
from gradlab.optim.adam import ADAM
from gradlab.optim.adamw import ADAMW
from gradlab.optim.gradient_descent import SGD
from gradlab.optim.kind import OptimizerKind
from gradlab.optim.lion import LION
from gradlab.optim.momentum import MOMENTUM, MOMENTUM_AVERAGE
from gradlab.optim.nadam import NADAM
from gradlab.optim.nesterov import NESTEROV
from gradlab.optim.regimes import REGIMES
from gradlab.optim.rmsprop import RMSPROP
from gradlab.optim.rmsprop_nesterov import RMSPROP_NESTEROV

OPTIMIZERS: dict[str, OptimizerKind] = {
    "sgd": SGD,
    "momentum": MOMENTUM,
    "momentum_average": MOMENTUM_AVERAGE,
    "nesterov": NESTEROV,
    "adagrad": ADAGRAD,
    "adadelta": ADADELTA,
    "rmsprop": RMSPROP,
    "rmsprop_nesterov": RMSPROP_NESTEROV,
    "adam": ADAM,
    "nadam": NADAM,
    "adamw": ADAMW,
    "lion": LION,
}


def optimizer_kind(name: str) -> OptimizerKind:
    """Return the optimizer of a name, in any case.

    Raises:
        RecipeError: If there is none, with the nearest name.

    >>> optimizer_kind("RMSprop").name
    'rmsprop'
    >>> optimizer_kind("addam")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    gradlab.errors.RecipeError: Unknown optimizer 'addam'. Did you mean 'adam'? Known: ...
    """
    kind = OPTIMIZERS.get(name.lower())
    if kind is None:
        raise RecipeError(unknown("optimizer", name, OPTIMIZERS))
    return kind


def family_tree() -> str:
    """Draw who descends from whom, and what each changes in the step: its direction or its size.

    A kind with two parents stands below the first and is named again, with an arrow, below the
    other.

    >>> print(family_tree().splitlines()[0])
    sgd
    """

    def draw(kind: OptimizerKind, parent: str | None, indent: str) -> list[str]:
        if parent is not None and parent != kind.parents[0]:
            return [f"{indent}→ {kind.name}"]
        lines = [indent + kind.name + (f" ({kind.changes})" if parent else "")]
        for child in OPTIMIZERS.values():
            if kind.name in child.parents:
                lines += draw(child, kind.name, indent + "  ")
        return lines

    return "\n".join(draw(SGD, None, ""))


def summary_table() -> list[dict[str, str]]:
    """Return one row (name, formula, benefit, limit) a batch regime and optimizer.

    >>> [row["name"] for row in summary_table()][:4]
    ['full batch', 'one sample', 'mini-batch', 'sgd']
    """
    members = [*REGIMES.values(), *OPTIMIZERS.values()]
    return [
        {"name": m.name, "formula": m.formula, "benefit": m.benefit, "limit": m.limit}
        for m in members
    ]
