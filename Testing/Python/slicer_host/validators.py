"""What may stand in ``Annotated[...]`` beside the type of a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class Validator:
    """Refuses values: ``validate`` raises ValueError."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Minimum(Validator):
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum}")


@dataclass(frozen=True)
class Choice(Validator):
    choices: Sequence[Any]

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {list(self.choices)}")


@dataclass(frozen=True)
class Exclude(Validator):
    excludedValues: Sequence[Any]

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is excluded")


@dataclass(frozen=True)
class NotNone(Validator):
    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("a value is needed, not None")


@dataclass(frozen=True)
class Default:
    """The value a parameter has before anyone sets it."""

    value: Any


@dataclass(frozen=True)
class Decimals:
    """Decimals shown by the connected widget."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of the connected widget."""

    value: float
