"""Types for scalars that Python has none for; they become part of the generated client."""

from typing import Literal, TypeAlias

Required: TypeAlias = Literal["all"] | int
