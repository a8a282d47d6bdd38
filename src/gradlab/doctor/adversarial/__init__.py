"""What goes wrong between a generator and a discriminator, and what to change."""

from gradlab.doctor.adversarial.diagnosis import RULES, diagnose_gan
from gradlab.doctor.adversarial.evidence import Course

__all__ = ["RULES", "Course", "diagnose_gan"]
