"""Hidden layers whose activation bends nothing, or hardly passes a gradient."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import best_effect, helped, said, seen, tried, troubled
from gradlab.doctor.evidence import Evidence, Layer
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import dead_units, fading_gradients, saturation

KIND = "hidden_activation"
SOURCE = "Glorot & Bengio 2010; Glorot, Bordes & Bengio 2011; Maas et al. 2013"
ROWS = ("ACT-11", "ACT-12", "DIF-07", "DIF-12")
SQUASHING = ("sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign")
RECTIFIERS = ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish")
UNFIT = ("softmax", "exponential", "exp", "step")
"""They pass one unit's gain on as all others' loss, grow without bound, or have no slope."""


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on layers that are linear or unfit by setting, on a helpful trial, or on signs."""
    hidden = [x for x in evidence.setup.hidden if x.kind in ("dense", "conv")]
    if not hidden:
        return []
    for found in (
        _linear(evidence, hidden, calibration),
        _unfit(evidence, hidden, calibration),
        _by_trial(evidence, hidden, calibration),
        _by_signs(evidence, hidden, calibration),
    ):
        if found is not None:
            return [found]
    return []


def _linear(evidence: Evidence, hidden: list[Layer], calibration: Calibration) -> Finding | None:
    """All hidden layers are linear: together they are one linear layer."""
    if any(x.activation != "linear" for x in evidence.setup.hidden):
        return None
    effect = best_effect(evidence, "hidden_activation", RECTIFIERS)
    helps = effect is not None and effect.gain >= calibration["hidden_activation.gain_linear"]
    # A linear answer can be all that is needed: then nothing is wrong with it.
    if evidence.records and not helps and not troubled(evidence, calibration):
        return None
    return _finding(
        calibration.confidence(
            "hidden_activation.setting", 1.0 if effect is None else effect.closed
        ),
        f"All {len(hidden)} hidden layers are linear.",
        "Linear layers behind one another are one linear layer: no bend can be learnt."
        + (f" {said(effect)}." if effect else ""),
        hidden,
        "hidden_activation.setting",
    )


def _unfit(evidence: Evidence, hidden: list[Layer], calibration: Calibration) -> Finding | None:
    """Softmax, exponential or step in a hidden layer, in a training that does poorly."""
    bad = [x for x in hidden if x.activation in UNFIT]
    if not bad or (evidence.records and not troubled(evidence, calibration)):
        return None
    names = sorted({str(x.activation) for x in bad})
    return _finding(
        calibration.confidence("hidden_activation.setting", 1.0),
        seen(evidence),
        f"{' and '.join(names).capitalize()} in a hidden layer: softmax makes units share one "
        "sum, an exponential grows without bound, a step has no slope.",
        bad,
        "hidden_activation.setting",
    )


def _by_trial(evidence: Evidence, hidden: list[Layer], calibration: Calibration) -> Finding | None:
    """Another activation gains enough."""
    if not troubled(evidence, calibration):
        return None
    effect = helped(evidence, calibration, KIND, "hidden_activation")
    if effect is None:
        return None
    names = {x.activation for x in hidden}
    squashing = bool(names & set(SQUASHING))
    signs = [
        s.sentence
        for s in (
            saturation.see(evidence, calibration),
            fading_gradients.see(evidence, calibration),
            dead_units.see(evidence, calibration),
        )
        if s is not None
    ]
    strength = (0.4 if squashing else 0.0) + 0.4 * effect.closed + 0.2 * bool(signs)
    return _finding(
        calibration.confidence("hidden_activation.trial", strength),
        " ".join([seen(evidence), *signs]),
        f"{said(effect)}.",
        hidden,
        "hidden_activation.trial",
        value=effect.value,
        numbers={"gain": effect.gain, "share of the deficit closed": effect.closed},
    )


def _by_signs(evidence: Evidence, hidden: list[Layer], calibration: Calibration) -> Finding | None:
    """Untried: saturated or vanishing behind squashing units, or dead rectifiers."""
    if not troubled(evidence, calibration) or tried(evidence, calibration, "hidden_activation"):
        return None
    names = {x.activation for x in hidden}
    squashing, rectifying = names & set(SQUASHING), "relu" in names
    fading = fading_gradients.see(evidence, calibration)
    vanishing = fading if fading and fading.name == "vanishing gradient" else None
    symptom = (saturation.see(evidence, calibration) or vanishing) if squashing else None
    value, why = "relu", "Each of these layers multiplies the gradient by its small slope."
    if symptom is None and rectifying:
        symptom = dead_units.see(evidence, calibration)
        value, why = "leaky_relu", "A rectifier that never fires gets no gradient to come back by."
    if symptom is None:
        return None
    return _finding(
        calibration.confidence("hidden_activation.signs", symptom.strength),
        symptom.sentence,
        why,
        hidden,
        "hidden_activation.signs",
        value=value,
        numbers=symptom.numbers,
    )


def _finding(
    confidence: float,
    symptom: str,
    why: str,
    layers: list[Layer],
    rule: str,
    value: object = "relu",
    numbers: dict[str, float] | None = None,
) -> Finding:
    return Finding(
        KIND,
        confidence,
        symptom,
        why,
        numbers or {},
        where=tuple(layer.place for layer in layers),
        changes=((Change("hidden_activation", value),),),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
