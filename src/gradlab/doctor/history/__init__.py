"""Trainings that other programs do, as evidence: histories in files, and recorders in loops."""

from gradlab.doctor.history.reading import read_history
from gradlab.doctor.history.setting import read_setup

__all__ = ["read_history", "read_setup"]
