"""Training programs as other libraries write them: any activation anywhere, unscaled data."""

from gradlab.doctor.program.cases import Case, case_program, case_rows, judged, read_cases
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.settings import Settings, read_settings
from gradlab.doctor.program.subject import ProgramSubject

__all__ = [
    "Case",
    "Program",
    "ProgramSubject",
    "Settings",
    "case_program",
    "case_rows",
    "judged",
    "read_cases",
    "read_settings",
]
