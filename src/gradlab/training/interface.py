"""What a network's ends must fit: the shape of an example and of its answer."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Interface:
    """Shapes at both ends of a network.

    Args:
        input_shape: Of one example: (features,), (height, width, channels), (time, features), or
            (time,) for tokens.
        n_outputs: Scores: 1 for a binary target, one a class, or one a regression target.
        per_step: Whether every step of a sequence has a target of its own.
        n_tokens: Size of the vocabulary; None where the inputs are numbers.
        padded: Whether sequences differ in length.
        reconstructs: Whether the answer is the input itself.
        reducers: Of each reduction that recipes name: its text, its form and its sizes, which
            only the data can tell (how many components keep 70 % of the variance).
    """

    input_shape: tuple[int, ...]
    n_outputs: int
    per_step: bool = False
    n_tokens: int | None = None
    padded: bool = False
    reconstructs: bool = False
    reducers: tuple[tuple[str, str, tuple[int, ...]], ...] = ()

    @property
    def n_features(self) -> int:
        """Numbers of one example."""
        return math.prod(self.input_shape)

    def to_dict(self) -> dict:
        """Return plain data, for a file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, stored: dict) -> "Interface":
        """Return what `to_dict` wrote."""
        reducers = tuple((text, form, tuple(s)) for text, form, s in stored.get("reducers", ()))
        shape = tuple(stored["input_shape"])
        return cls(**{**stored, "input_shape": shape, "reducers": reducers})
