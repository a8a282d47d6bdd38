"""Other libraries' words for losses, optimizers, activations and tasks, in Gradlab's.

Names are compared in small letters without anything that is not a letter or digit, so that
`BCEWithLogitsLoss`, `bce_with_logits_loss` and `BCE with logits loss` are one.
"""

import re
from typing import NamedTuple

from gradlab.doctor.evidence import Layer, TaskName


class LossWord(NamedTuple):
    """A loss as another library has it."""

    loss: str  # in Gradlab's words
    takes: str | None  # "scores" or "outputs"; None where a switch decides
    guarded: bool | None


LOSSES: dict[str, LossWord] = {
    # PyTorch
    "crossentropyloss": LossWord("cross_entropy", "scores", True),
    "nllloss": LossWord("cross_entropy", "outputs", True),  # of logarithms of shares
    "bcewithlogitsloss": LossWord("binary_cross_entropy", "scores", True),
    "bceloss": LossWord("binary_cross_entropy", "outputs", True),  # logarithms held above -100
    "mseloss": LossWord("squared_error", "outputs", True),
    "l1loss": LossWord("absolute_error", "outputs", True),
    "smoothl1loss": LossWord("huber", "outputs", True),
    "huberloss": LossWord("huber", "outputs", True),
    "kldivloss": LossWord("kullback_leibler", "outputs", True),
    "poissonnllloss": LossWord("poisson", "outputs", True),
    "hingeembeddingloss": LossWord("hinge", "outputs", True),
    "multimarginloss": LossWord("hinge", "scores", True),
    "softmarginloss": LossWord("binary_cross_entropy", "scores", True),
    "multilabelsoftmarginloss": LossWord("binary_cross_entropy", "scores", True),
    # Keras
    "categoricalcrossentropy": LossWord("cross_entropy", None, True),
    "sparsecategoricalcrossentropy": LossWord("cross_entropy", None, True),
    "binarycrossentropy": LossWord("binary_cross_entropy", None, True),
    "meansquarederror": LossWord("squared_error", "outputs", True),
    "meanabsoluteerror": LossWord("absolute_error", "outputs", True),
    "hinge": LossWord("hinge", "outputs", True),
    "categoricalhinge": LossWord("hinge", "outputs", True),
    "squaredhinge": LossWord("squared_hinge", "outputs", True),
    "huber": LossWord("huber", "outputs", True),
    "kldivergence": LossWord("kullback_leibler", "outputs", True),
    "kullbackleiblerdivergence": LossWord("kullback_leibler", "outputs", True),
    "poisson": LossWord("poisson", "outputs", True),
    # short, and scikit-learn's
    "crossentropy": LossWord("cross_entropy", None, None),
    "softmaxcrossentropy": LossWord("cross_entropy", "scores", True),
    "nll": LossWord("cross_entropy", None, None),
    "logloss": LossWord("cross_entropy", None, None),
    "binarycrossentropywithlogits": LossWord("binary_cross_entropy", "scores", True),
    "bce": LossWord("binary_cross_entropy", None, None),
    "squarederror": LossWord("squared_error", "outputs", True),
    "mse": LossWord("squared_error", "outputs", True),
    "absoluteerror": LossWord("absolute_error", "outputs", True),
    "mae": LossWord("absolute_error", "outputs", True),
    "kullbackleibler": LossWord("kullback_leibler", "outputs", None),
}

OPTIMIZERS = {
    "sgd": "sgd",
    "gradientdescent": "sgd",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "adam": "adam",
    "adamax": "adam",
    "adamw": "adamw",
    "nadam": "nadam",
    "radam": "adam",
    "rmsprop": "rmsprop",
    "adagrad": "adagrad",
    "adadelta": "adadelta",
    "lion": "lion",
}
"""Adamax and RAdam are forms of Adam; any other name stays as it is."""

ACTIVATIONS = {
    "swish": "silu",
    "identity": "linear",
    "none": "linear",
    "leakyrelu": "leaky_relu",
    "hardsigmoid": "hard_sigmoid",
    "hardtanh": "hard_tanh",
    "hardswish": "hard_silu",
    "hardsilu": "hard_silu",
    "logistic": "sigmoid",
    "exp": "exponential",
    "logsoftmax": "log_softmax",
    "logsigmoid": "log_sigmoid",
    "softsign": "softsign",
    "relu6": "relu6",
}


def key(name: str) -> str:
    """Return a name without what people write differently.

    >>> key("BCE-with_logits loss")
    'bcewithlogitsloss'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def activation_word(name: str | None) -> str:
    """Return an activation's name in Gradlab's words; "linear" for none.

    >>> activation_word("LeakyReLU"), activation_word("swish"), activation_word(None)
    ('leaky_relu', 'silu', 'linear')
    """
    if name is None:
        return "linear"
    return ACTIVATIONS.get(key(name), name if "_" in name else key(name))


def optimizer_word(name: str, *, momentum: float = 0.0, nesterov: bool = False) -> str:
    """Return an optimizer's name in Gradlab's words.

    >>> optimizer_word("SGD", momentum=0.9), optimizer_word("Adam")
    ('momentum', 'adam')
    """
    word = OPTIMIZERS.get(key(name), name.lower())
    if word == "sgd" and momentum > 0:
        return "nesterov" if nesterov else "momentum"
    return word


def loss_word(name: str) -> LossWord | None:
    """Return what a loss is called in Gradlab; None if it is not known.

    >>> loss_word("nn.CrossEntropyLoss").loss
    'cross_entropy'
    """
    plain = key(name.rpartition(".")[2])
    return LOSSES.get(plain) or LOSSES.get(plain + "loss") or LOSSES.get(plain.removesuffix("loss"))


def guess_task(
    loss: str | None, layers: tuple[Layer, ...], n_outputs: int | None
) -> TaskName | None:
    """Tell the task by the loss, else by the last activation; None if neither says.

    >>> guess_task("binary_cross_entropy", (), 1), guess_task(None, (), None)
    ('binary', None)
    """
    last = [layer for layer in layers if layer.kind in ("dense", "conv", "recurrent")][-1:]
    activation = last[0].activation if last else None
    if n_outputs is None and last:
        n_outputs = last[0].units
    if loss == "cross_entropy":
        return "multiclass"
    if loss == "binary_cross_entropy":
        return "multilabel" if n_outputs is not None and n_outputs > 1 else "binary"
    if loss in ("hinge", "squared_hinge"):
        return "binary" if n_outputs == 1 else "multiclass"
    if activation in ("softmax", "log_softmax"):
        return "multiclass"
    if loss in ("squared_error", "absolute_error", "huber", "poisson"):
        return "regression"
    if activation == "sigmoid" and n_outputs == 1:
        return "binary"
    return None
