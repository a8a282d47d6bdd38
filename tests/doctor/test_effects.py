"""What a healthy training could still gain."""

from gradlab.doctor.consultation import Consultation
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.effects import clearest

from . import made_evidence as made


def test_a_healthy_training_that_a_setting_would_improve_is_told_so():
    found = made.evidence(end=0.87, trials=(made.trial(0.93, dropout=0.0),))
    told = Consultation("made", found, diagnose_evidence(found)).sentences
    assert told[0].startswith("No fault was found.")
    assert told[1].endswith("With dropout 0 the score goes from 0.87 to 0.932.")


def test_what_does_better_in_some_runs_only_is_not_told():
    mixed = made.trial(0.93, dropout=0.0)
    mixed = type(mixed)(
        mixed.changes, mixed.train_score, (0.99, 0.86, 0.99), train_loss=mixed.train_loss
    )
    assert clearest(made.evidence(end=0.87, trials=(mixed,))) is None
    assert clearest(made.evidence(end=0.87, trials=(made.trial(0.875, dropout=0.0),))) is None
