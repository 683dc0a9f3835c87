"""Types for custom scalars, included in the generated client."""

from typing import Literal, TypeAlias

Required: TypeAlias = Literal["all"] | int
