"""Optimizers, learning-rate schedules, and what stands before and after an optimizer."""

from gradlab.optim.adadelta import ADADELTA, adadelta
from gradlab.optim.adagrad import ADAGRAD, adagrad
from gradlab.optim.adam import ADAM, adam
from gradlab.optim.adamw import ADAMW, adamw
from gradlab.optim.clipping import clip_by_norm, clip_by_value
from gradlab.optim.conditioning import StepReport, condition_number, step_report
from gradlab.optim.decay import decoupled_weight_decay
from gradlab.optim.effective_rate import effective_rates
from gradlab.optim.gradient_descent import SGD, sgd
from gradlab.optim.kind import OptimizerKind, custom, learning_rate_grid
from gradlab.optim.lion import LION, lion
from gradlab.optim.momentum import MOMENTUM, MOMENTUM_AVERAGE, momentum, momentum_average
from gradlab.optim.moving_average import moving_average
from gradlab.optim.nadam import NADAM, nadam
from gradlab.optim.nesterov import NESTEROV, nesterov
from gradlab.optim.newton import newton_step
from gradlab.optim.optimizers import OPTIMIZERS, family_tree, optimizer_kind, summary_table
from gradlab.optim.path_faults import jump_sizes, plateau_steps
from gradlab.optim.proximal import proximal_l1
from gradlab.optim.race import learning_rate_verdict, race
from gradlab.optim.regimes import REGIMES, compare_regimes, gradient_variance
from gradlab.optim.rmsprop import RMSPROP, rmsprop
from gradlab.optim.rmsprop_nesterov import RMSPROP_NESTEROV, rmsprop_nesterov
from gradlab.optim.schedules import (
    SCHEDULES,
    constant,
    cosine,
    exponential_decay,
    inverse_time_decay,
    step_decay,
    warm_up,
)
from gradlab.optim.stationary import Stationary, stationary_point
from gradlab.optim.surfaces import SURFACES, descend
from gradlab.optim.trapped import Trap, trapped_gallery

__all__ = [
    "ADADELTA",
    "ADAGRAD",
    "ADAM",
    "ADAMW",
    "LION",
    "MOMENTUM",
    "MOMENTUM_AVERAGE",
    "NADAM",
    "NESTEROV",
    "OPTIMIZERS",
    "REGIMES",
    "RMSPROP",
    "RMSPROP_NESTEROV",
    "SCHEDULES",
    "SGD",
    "SURFACES",
    "OptimizerKind",
    "Stationary",
    "StepReport",
    "Trap",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "compare_regimes",
    "condition_number",
    "constant",
    "cosine",
    "custom",
    "decoupled_weight_decay",
    "descend",
    "effective_rates",
    "exponential_decay",
    "family_tree",
    "gradient_variance",
    "inverse_time_decay",
    "jump_sizes",
    "learning_rate_grid",
    "learning_rate_verdict",
    "lion",
    "momentum",
    "momentum_average",
    "moving_average",
    "nadam",
    "nesterov",
    "newton_step",
    "optimizer_kind",
    "plateau_steps",
    "proximal_l1",
    "race",
    "rmsprop",
    "rmsprop_nesterov",
    "sgd",
    "stationary_point",
    "step_decay",
    "step_report",
    "summary_table",
    "trapped_gallery",
    "warm_up",
]
