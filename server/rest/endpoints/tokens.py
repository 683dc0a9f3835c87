"""Application calendars and tokens. For most of them the application's credentials are in the body."""

from core.accounts import PROVIDER, TOKEN_LIFETIME, AccountKind, Authorization
from core.element_tokens import LONGEST_LIFETIME, ElementTokenRequest
from core.errors import Problems, Refusal, Unprocessable, WrongCredentials
from core.rights import ElementPermission
from core.scopes import READ_WRITE
from resolvers import application_calendars, element_tokens, tokens

from ..responses import Answer
from ..routing import Call, Endpoint


async def _application_calendar(call: Call) -> Answer:
    fields = call.fields()
    client_id, client_secret = fields.required("client_id"), fields.required("client_secret")
    name = fields.required("application_calendar_id")
    fields.raise_if_any()
    made = await application_calendars.get_or_create(call.ctx, client_id, client_secret, name, READ_WRITE)
    return _authorization(made)


async def _token(call: Call) -> Answer:
    fields = call.fields()
    grant_type = fields.text("grant_type")
    client_id, client_secret = fields.text("client_id") or "", fields.text("client_secret") or ""
    refresh_token = fields.text("refresh_token")
    fields.raise_if_any()
    if grant_type is None:
        return _oauth_error("invalid_request")
    if grant_type == "authorization_code":  # nothing here issues codes, so no code is valid
        return _oauth_error("invalid_grant")
    if grant_type != "refresh_token":
        return _oauth_error("unsupported_grant_type")
    return _authorization(await tokens.refresh(call.ctx, client_id, client_secret, refresh_token or ""))


async def _revoke(call: Call) -> Answer:
    fields = call.fields()
    client_id, client_secret = fields.text("client_id") or "", fields.text("client_secret") or ""
    # JavaScript's client sends its refresh token under that name, and also if it is given a sub.
    token = fields.text("token") or fields.text("refresh_token") or None
    sub = fields.text("sub") or None
    fields.raise_if_any()
    await tokens.revoke(call.ctx, client_id, client_secret, token, sub)
    return Answer(200)


async def _element_token(call: Call) -> Answer:
    fields = call.fields()
    request = ElementTokenRequest(
        permissions=fields.required_choices("permissions", ElementPermission),
        subs=fields.required_texts("subs"),
        origin=fields.required("origin"),
        expires_in=LONGEST_LIFETIME,
    )

    def check() -> Problems:
        problems = Problems()
        with problems.until_full():
            request.check(problems)
        return problems

    fields.raise_if_any(check)
    made = await element_tokens.create(call.ctx, request)
    body = {
        "permissions": [permission.value for permission in made.permissions],
        "origin": made.origin,
        "token": made.token,
        "expires_in": made.expires_in,
    }
    return Answer(200, {"element_token": body})


def _authorization(made: Authorization) -> Answer:
    account = made.account
    body = {
        "token_type": "bearer",
        "access_token": made.tokens.access_token,
        "expires_in": TOKEN_LIFETIME,
        "refresh_token": made.tokens.refresh_token,
        "scope": made.scope,
        "sub": account.sub,
        "linking_profile": {
            "provider_name": PROVIDER,
            "profile_id": account.profile_id,
            "profile_name": account.profile_name,
        },
    }
    if account.kind is AccountKind.APPLICATION_CALENDAR:
        body["application_calendar_id"] = account.external_id
    return Answer(200, body)


def _oauth_error(error: str) -> Answer:
    """A response as RFC 6749 has them."""
    return Answer(400, {"error": error}, code="BAD_REQUEST")


def _refused_token(refusal: Refusal) -> Answer | None:
    if isinstance(refusal, Unprocessable):
        return _oauth_error("invalid_grant")
    return _refused_client(refusal)


def _refused_client(refusal: Refusal) -> Answer | None:
    return _oauth_error("invalid_client") if isinstance(refusal, WrongCredentials) else None


ENDPOINTS = [
    Endpoint("POST", "/v1/application_calendars", _application_calendar, bearer=False),
    Endpoint("POST", "/oauth/token", _token, bearer=False, refused=_refused_token),
    Endpoint("POST", "/v1/element_tokens", _element_token),
    Endpoint("POST", "/oauth/token/revoke", _revoke, bearer=False, refused=_refused_client),
]
