"""Changes of settings in words."""

from gradlab.doctor.evidence import Layer, Setup
from gradlab.doctor.finding import Change

NOUNS = {
    "class_weight": "class weights",
    "clip_norm": "gradients clipped to norm",
    "hidden_activation": "hidden activation",
    "init": "initialisation",
    "l1": "L1 penalty",
    "l2": "L2 penalty",
    "label_coding": "label coding",
    "learning_rate": "learning rate",
    "batch_size": "batch size",
    "loss": "loss",
    "norm": "normalisation",
    "output_activation": "output activation",
    "scaling": "scaling of inputs",
    "target_scaling": "scaling of targets",
    "validation_scaling": "scaling of validation inputs",
}


def change_words(setup: Setup, change: Change) -> str:
    """Return a change as one says it, with the value that it replaces where that is known.

    >>> setup = Setup(task="binary", layers=(), learning_rate=0.1)
    >>> change_words(setup, Change("learning_rate", 0.01))
    'learning rate 0.1 → 0.01'
    """
    if change.setting == "shuffle":
        return "rows shuffled every epoch"
    if change.setting == "drop_columns":
        return f"without the columns {_value(change.value)}"
    if change.setting == "units":
        return f"hidden layers {_value(change.value)} times as wide"
    if change.setting == "layers":
        return f"{_value(change.value)} hidden layers"
    noun = NOUNS.get(change.setting, change.setting)
    place = f" of {change.place}" if change.place else ""
    old = _old(setup, change)
    new = "what fits the task" if change.value == "auto" else _value(change.value)
    if old is None or _value(old) == new:
        return f"{noun}{place} {new}"
    return f"{noun}{place} {_value(old)} → {new}"


def _old(setup: Setup, change: Change) -> object:
    """Return the value that is replaced; None if it isn't known or differs between layers."""
    own = {"hidden_activation": "activation", "output_activation": "activation", "init": "init"}
    if change.setting == "output_activation":
        return None if setup.output is None else setup.output.activation
    if change.setting == "dropout":
        return _common([layer.rate for layer in setup.layers if layer.kind == "dropout"])
    if change.setting in ("l1", "l2") or change.setting in own:
        name = own.get(change.setting, change.setting)
        layers: tuple[Layer, ...] = (
            setup.hidden if change.setting == "hidden_activation" else setup.weighted
        )
        if change.place:
            layers = tuple(layer for layer in layers if layer.place == change.place)
        return _common([getattr(layer, name) for layer in layers])
    return getattr(setup, change.setting, None)


def _common(values: list[object]) -> object:
    return values[0] if len(set(values)) == 1 else None


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_value(part) for part in value)
    return str(value).replace("_", " ")
