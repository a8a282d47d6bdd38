"""What is seen, whatever the cause."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Symptom:
    """One thing seen.

    Attributes:
        name: Of the symptom.
        sentence: It in words, with its numbers.
        numbers: Names to what was measured.
        strength: 0 where it just suffices, 1 where it could not be worse.
        where: Places of the layers.
        epoch: When it was first seen.
    """

    name: str
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict)
    strength: float = 0.5
    where: tuple[str, ...] = ()
    epoch: float | None = None
