"""Causes in words."""

from typing import get_args

from gradlab.doctor.finding import Kind

KIND_WORDS: dict[Kind, str] = {
    "learning_rate_high": "The learning rate is too high",
    "learning_rate_low": "The learning rate is too low",
    "epochs_too_few": "Training ends too early",
    "epochs_too_many": "Training goes on too long",
    "batch_size": "The batch size does not suit",
    "hidden_activation": "A hidden activation does not suit",
    "output_activation": "The output activation does not fit the targets",
    "loss": "The loss does not fit the task",
    "output_loss_mismatch": "Output activation and loss do not go together",
    "optimizer": "The optimizer, or one of its settings, does not suit",
    "weight_init": "The starting weights do not suit",
    "missing_scaling": "Inputs or targets are not scaled",
    "missing_layer_or_units": "The network has the wrong size",
    "missing_regularization": "Nothing holds back over-fitting",
    "redundant_regularization": "A penalty stops the fit",
    "too_much_dropout": "Too much is dropped",
    "label_coding": "The targets are coded wrongly",
    "shuffled_labels_or_data_bug": "Targets do not belong to their inputs, or data is damaged",
    "class_imbalance": "One class outweighs the others",
    "batch_norm": "Batch normalisation is in trouble",
    "data_order": "Rows come in an order that misleads",
    "leakage": "A column gives the answer away, or rows are in both parts",
    "numerical": "Arithmetic is left unguarded",
    "wrong_metric": "The number that is watched does not measure the task",
    "no_validation": "No rows are held back to judge by",
    "other": "Something else is wrong",
}
"""Every cause as the beginning of a sentence."""

assert set(KIND_WORDS) == set(get_args(Kind))
