"""Application calendars: calendars for things that have none of their own."""

from core.access import require_feature
from core.accounts import EMPTY_PROFILE, AccountKind, Authorization, Profile
from core.errors import Problems
from core.features import Feature
from core.limits import EXTERNAL_ID_LENGTH
from core.scopes import check_scope
from core.texts import check_id
from db.drivers.keyed_locks import external_id_lock
from db.retries import retry_transaction

from .accounts import authorize, authorize_quickly
from .context import Context
from .tokens import authenticate_client, check_client


@retry_transaction
async def get_or_create(
    ctx: Context,
    client_id: str,
    client_secret: str,
    application_calendar_id: str,
    scope: str,
    profile: Profile = EMPTY_PROFILE,
) -> Authorization:
    """Creates or gets the client's application calendar with this id. Returns it with new tokens of this scope.

    Raises Unauthenticated for wrong client credentials, PaymentRequired, and Unprocessable.
    """
    problems = Problems()
    check_id(application_calendar_id, ("application_calendar_id",), problems, longest=EXTERNAL_ID_LENGTH)
    profile.check(problems)
    check_scope(scope, ("scope",), problems)
    kind = AccountKind.APPLICATION_CALENDAR
    if not problems:
        named = client_id, client_secret, Feature.APPLICATION_CALENDARS, kind, application_calendar_id
        if (made := await authorize_quickly(ctx, *named, scope, profile)) is not None:
            return made
    client_key = await check_client(ctx, client_id, client_secret)
    async with ctx.db.write(client_key, [external_id_lock(client_key, kind, application_calendar_id)]) as session:
        client = await authenticate_client(session, client_id, client_secret)
        require_feature(client.disabled_features, Feature.APPLICATION_CALENDARS)
        problems.raise_if_any()
        return await authorize(ctx, session, client.key, kind, application_calendar_id, scope, profile)
