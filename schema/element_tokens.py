"""GraphQL types for element tokens."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.element_tokens import LONGEST_LIFETIME, ElementTokenRequest
from core.element_tokens import ElementToken as CoreElementToken

from .enums import ElementPermission
from .optional import or_default

_ORIGIN = "The origin of the pages from which the token works, as `https://app.example.com` or `http://localhost:5173`."


@strawberry.input(description="Requests an element token.")
class ElementTokenInput:
    permissions: list[ElementPermission] = field(description="What the token may do, at least one.")
    subs: list[ID] = field(
        description="The accounts that the token acts for, 1 to 50. Most permissions are over the first only."
    )
    origin: str = field(description=_ORIGIN)
    expires_in: int | None = field(
        default=UNSET, description="Lifetime of the token in seconds, at most 64800, which is the default."
    )

    def to_core(self) -> ElementTokenRequest:
        subs = [str(sub) for sub in self.subs]
        return ElementTokenRequest(self.permissions, subs, self.origin, or_default(self.expires_in, LONGEST_LIFETIME))


@strawberry.type(description="A token that is safe to give to a page in a browser: it opens little, for a short time.")
class ElementToken:
    token: str = field(description="The page sends it in the header `Authorization: Bearer …`. Returned only once.")
    permissions: list[ElementPermission] = field(description="What the token may do.")
    subs: list[ID] = field(description="The accounts that the token acts for.")
    origin: str = field(description=_ORIGIN)
    expires_in: int = field(description="Lifetime of the token in seconds.")

    @classmethod
    def of(cls, token: CoreElementToken) -> Self:
        return cls(
            token=token.token,
            permissions=list(token.permissions),
            subs=[ID(sub) for sub in token.subs],
            origin=token.origin,
            expires_in=token.expires_in,
        )


@strawberry.type(description="The result of elementToken.")
class ElementTokenPayload:
    element_token: ElementToken = field(description="The new token.")
