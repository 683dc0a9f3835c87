"""Element tokens: how an application gets them, where they work, and how they end."""

import asyncio
from typing import Any

import pytest

from core.instants import HOUR
from tests.support.api import CLIENT_ID, CLIENT_SECRET, PAGE, Account, Api, ElementToken
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import (
    AVAILABILITY_CHANGED,
    AVAILABILITY_PERIOD_STARTS,
    CALENDARS,
    ELEMENT_TOKEN,
    REVOKE_AUTHORIZATION,
    UPSERT_EVENT,
)
from tests.support.live_clients import LiveServer, live_server
from tests.support.statements import record_statements

UNAUTHENTICATED = {"code": "UNAUTHENTICATED"}


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


@pytest.fixture
async def ben(api: Api) -> Account:
    return await api.application_calendar("ben")


async def revoke(api: Api, **what: str) -> None:
    assert await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, **what}) == {
        "revokeAuthorization": {"revoked": True}
    }


async def ask(api: Api, token: str, **headers: str) -> dict[str, Any]:
    """Asks for the calendars with these headers beside the token."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {token}", **headers}
    return (await api.http.post("/graphql", json={"query": CALENDARS}, headers=sent)).json()


class TestRequesting:
    """The mutation elementToken."""

    async def test_an_application_gets_a_token(self, api: Api, ada: Account, ben: Account) -> None:
        """With its origin as browsers write it. Only the digest of the token is stored."""
        given = {
            "permissions": ["AVAILABILITY", "AGENDA"],
            "subs": [ben.sub, ada.sub],
            "origin": "HTTPS://App.Example.com:443",
        }
        made = (await api.data(ELEMENT_TOKEN, CLIENT_SECRET, input=given))["elementToken"]["elementToken"]
        token = made.pop("token")
        assert made == {**given, "origin": "https://app.example.com", "expiresIn": 64800}
        assert token not in str(await api.rows("SELECT * FROM element_tokens"))
        [calendar] = (await api.data(CALENDARS, ElementToken(token, PAGE)))["calendars"]
        assert calendar["calendarId"] == ben.calendar_id

    async def test_all_problems_are_reported_at_once(self, api: Api, ada: Account) -> None:
        """An unknown sub, a revoked one and another application's are the same problem."""
        gone = await api.application_calendar("gone")
        await revoke(api, sub=gone.sub)
        other = await api.application_calendar_of_another_client("other")
        subs = [ada.sub, gone.sub, other.sub, "me", ada.sub, "acc_000000000000000000000000", "\0"]
        given = {"permissions": ["AGENDA", "AGENDA"], "subs": subs, "origin": "http://a/", "expiresIn": 64801}
        refusal = await api.refusal(ELEMENT_TOKEN, CLIENT_SECRET, input=given)
        assert refusal["code"] == "UNPROCESSABLE"
        assert {path: [each["key"] for each in found] for path, found in refusal["errors"].items()} == {
            "permissions[1]": ["errors.duplicate"],
            **{f"subs[{n}]": ["errors.unknown"] for n in (1, 2, 3, 5, 6)},
            "subs[4]": ["errors.duplicate"],
            "origin": ["errors.invalid"],
            "expiresIn": ["errors.too_long"],
        }

    @pytest.mark.parametrize(
        ("field", "value", "key"),
        [
            ("permissions", [], "errors.too_few"),
            ("permissions", ["AGENDA"] * 1000, "errors.too_many"),
            ("subs", [], "errors.too_few"),
            ("subs", ["me"] * 51, "errors.too_many"),
            ("origin", "x" * 301, "errors.too_long"),
            ("origin", "null", "errors.invalid"),
            ("expiresIn", 0, "errors.too_short"),
            ("expiresIn", -(2**31), "errors.too_short"),
        ],
    )
    async def test_limits(self, api: Api, ada: Account, field: str, value: Any, key: str) -> None:
        given = {"permissions": ["AGENDA"], "subs": [ada.sub], "origin": PAGE, field: value}
        refusal = await api.refusal(ELEMENT_TOKEN, CLIENT_SECRET, input=given)
        assert refusal["errors"][field][0]["key"] == key

    async def test_a_token_is_stored_with_its_fifty_accounts(self, api: Api, ada: Account) -> None:
        credentials = f'clientId: "{CLIENT_ID}", clientSecret: "{CLIENT_SECRET}"'
        each = 'p{}: applicationCalendar(input: {{{}, applicationCalendarId: "{}"}}) {{ sub }}'
        made = await api.data(f"mutation {{ {' '.join(each.format(n, credentials, n) for n in range(50))} }}")
        given = {"permissions": ["AGENDA"], "subs": [made[f"p{n}"]["sub"] for n in range(50)], "origin": PAGE}
        token = (await api.data(ELEMENT_TOKEN, CLIENT_SECRET, input=given))["elementToken"]["elementToken"]
        assert token["subs"] == given["subs"]
        assert await api.rows("SELECT count(*) FROM element_token_accounts") == [(50,)]


class TestOrigin:
    """From which pages a token works."""

    @pytest.mark.parametrize("origin", [PAGE, "HTTPS://APP.EXAMPLE.COM", f"{PAGE}:443"])
    async def test_it_works_from_pages_of_its_origin(self, api: Api, ada: Account, origin: str) -> None:
        assert "errors" not in await ask(api, await api.element_token(ada), Origin=origin)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "http://app.example.com"},
            {"Origin": f"{PAGE}:8443"},
            {"Origin": f"{PAGE}/"},
            {"Origin": f"{PAGE}, {PAGE}"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": "x" * 8000},
            {"Origin": "http://[", "Sec_Fetch_Site": "same-origin"},
            {"Referer": f"{PAGE}/", "Host": "app.example.com"},
            {"Sec_Fetch_Site": "same-origin", "Host": "app.example.com"},
        ],
        ids=str,
    )
    async def test_it_works_from_nowhere_else(self, api: Api, ada: Account, headers: dict[str, str]) -> None:
        """Not from another origin, not from a program without one, and not by a forged Host header."""
        [error] = (await ask(api, await api.element_token(ada), **headers))["errors"]
        assert error["extensions"] == UNAUTHENTICATED

    async def test_a_repeated_header_is_no_origin(self, api: Api, ada: Account) -> None:
        token = await api.element_token(ada)
        headers = [("Authorization", f"Bearer {token}"), ("Origin", PAGE), ("Origin", PAGE)]
        answer = (await api.http.post("/graphql", json={"query": CALENDARS}, headers=headers)).json()
        assert answer["errors"][0]["extensions"] == UNAUTHENTICATED

    async def test_a_page_of_this_server_may_leave_the_header_out(self, api: Api, ada: Account) -> None:
        """As browsers do in a GET: then they say that it goes to the page's own origin, and this server knows its own."""
        own = await api.element_token(ada, origin="http://localhost:8000")
        other = await api.element_token(ada, origin="http://localhost:8001")
        assert "errors" not in await ask(api, own, Sec_Fetch_Site="same-origin")
        for token, site in ((own, "cross-site"), (own, "same-site"), (own, "none"), (other, "same-origin")):
            assert (await ask(api, token, Sec_Fetch_Site=site))["errors"][0]["extensions"] == UNAUTHENTICATED

    async def test_the_public_url_is_the_own_origin(self, database_url: str, api: Api, ada: Account) -> None:
        """Then the address that it listens on is not."""
        public = "https://book.example.com/scheduling"
        async with Api.open(database_url, api.now, public_url=public) as behind_a_proxy:
            for origin, works in (("https://book.example.com", True), ("http://localhost:8000", False)):
                answer = await ask(
                    behind_a_proxy, await api.element_token(ada, origin=origin), Sec_Fetch_Site="same-origin"
                )
                assert ("errors" not in answer) == works

    async def test_the_words_are_the_same_for_every_reason(self, api: Api, ada: Account) -> None:
        """Nothing is learnt about a token that was found somewhere."""
        unknown, expired, foreign = [await api.element_token(ada, expiresIn=n) for n in (60, 1, 60)]
        await revoke(api, token=unknown)
        api.now += 2
        found = [await ask(api, token, Origin=origin) for token, origin in ((unknown, PAGE), (expired, PAGE))]
        found.append(await ask(api, foreign, Origin="https://evil.example"))
        assert found[0] == found[1] == found[2]
        assert found[0]["errors"][0]["extensions"] == UNAUTHENTICATED


class TestAccounts:
    """What a token opens of which accounts."""

    async def test_it_queries_its_own_accounts_only(self, api: Api, ada: Account, ben: Account) -> None:
        """Another sub of the application is as unknown as one that does not exist."""
        eve = await api.application_calendar("eve")
        token = await api.element_token(ada, ben, permissions=["AVAILABILITY"])
        await api.data(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ben, ada))
        refusal = await api.refusal(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ada, eve))
        unknown = availability_input(ada, eve)
        unknown["participants"][0]["members"][1]["sub"] = "acc_000000000000000000000000"
        assert refusal == await api.refusal(AVAILABILITY_PERIOD_STARTS, token, input=unknown)
        assert list(refusal["errors"]) == ["participants[0].members[1].sub"]

    async def test_a_stored_answer_is_used_for_those_who_may_have_it(
        self, api: Api, ada: Account, ben: Account
    ) -> None:
        """For an element token as for other callers; not if one of the accounts is not its own, or it lost one."""
        both, one = await api.element_token(ada, ben), await api.element_token(ada)
        given = availability_input(ada, ben)
        first = await api.data(AVAILABILITY_PERIOD_STARTS, CLIENT_SECRET, input=given)
        with record_statements(api) as statements:
            assert await api.data(AVAILABILITY_PERIOD_STARTS, both, input=given) == first
        assert not [statement for statement in statements if "events" in statement]
        assert (await api.refusal(AVAILABILITY_PERIOD_STARTS, one, input=given))["code"] == "UNPROCESSABLE"
        await api.data(UPSERT_EVENT, ben.token, input=upsert_event_input(ben, 9, 11))
        assert await api.data(AVAILABILITY_PERIOD_STARTS, both, input=given) != first
        await revoke(api, sub=ben.sub)
        assert (await api.refusal(AVAILABILITY_PERIOD_STARTS, both, input=given))["code"] == "UNPROCESSABLE"

    async def test_of_its_other_accounts_it_reads_who_they_are(self, api: Api, ada: Account, ben: Account) -> None:
        """With all permissions as with any. Of accounts that are not its own, nothing."""
        document = """
            query ($sub: ID!) {
              account(sub: $sub) { sub kind name tzid accountId email calendars { id } availabilityRules { tzid } }
            }
        """
        token = await api.element_token(ada, ben)
        assert (await api.data(document, token, sub=ben.sub))["account"] == {
            **{"sub": ben.sub, "kind": "APPLICATION_CALENDAR", "name": None, "tzid": "Etc/UTC"},
            **{"accountId": None, "email": None, "calendars": None, "availabilityRules": None},
        }
        eve = await api.application_calendar("eve")
        assert (await api.refusal(document, token, sub=eve.sub))["code"] == "NOT_FOUND"
        node = "query ($id: ID!) { node(id: $id) { id } }"
        assert (
            await api.data(node, token, id=eve.sub) == await api.data(node, token, id=ben.calendar_id) == {"node": None}
        )
        assert await api.data(node, token, id=ada.calendar_id) == {"node": {"id": ada.calendar_id}}

    async def test_a_plan_holds_for_its_tokens(self, api: Api, ada: Account) -> None:
        token = await api.element_token(ada)
        async with api.db.write() as session:
            await (await session.connection()).exec_driver_sql("UPDATE clients SET without = 'availability'")
        refusal = await api.refusal(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ada))
        assert refusal["code"] == "PAYMENT_REQUIRED"

    async def test_your_own_id_is_for_account_management(self, api: Api, ada: Account) -> None:
        """Of an application calendar too, which has one of its own in the user info."""
        document = "{ userInfo { applicationCalendarId } }"
        for permission, own_id in (("MANAGED_AVAILABILITY", None), ("ACCOUNT_MANAGEMENT", "ada")):
            token = await api.element_token(ada, permissions=[permission])
            assert (await api.data(document, token))["userInfo"] == {"applicationCalendarId": own_id}

    async def test_it_says_what_it_may_do(self, api: Api, ada: Account) -> None:
        token = await api.element_token(ada, permissions=["MANAGED_AVAILABILITY", "AGENDA"])
        assert (await api.data("{ userInfo { sub scope } }", token))["userInfo"] == {
            "sub": ada.sub,
            "scope": "managed_availability agenda",
        }


class TestEnd:
    """How a token ends."""

    async def test_it_expires(self, api: Api, ada: Account) -> None:
        """At the second, whether or not the purge has deleted it."""
        token = await api.element_token(ada, expiresIn=HOUR)
        api.now += HOUR - 1
        await api.data(CALENDARS, token)
        api.now += 1
        assert await api.refusal(CALENDARS, token) == UNAUTHENTICATED

    async def test_it_is_revoked_alone(self, api: Api, ada: Account) -> None:
        """No other token of the account ends with it. Another application cannot end it."""
        token, other = await api.element_token(ada), await api.element_token(ada)
        await revoke(api, token=token)
        assert await api.refusal(CALENDARS, token) == UNAUTHENTICATED
        await api.data(CALENDARS, other)
        await api.data(CALENDARS, ada.token)
        await revoke(api, token=token)

    async def test_another_application_cannot_revoke_it(self, api: Api, ada: Account) -> None:
        token = await api.element_token(ada)
        async with api.db.write() as session:
            await (await session.connection()).exec_driver_sql(
                "INSERT INTO clients (client_id, name, secret_digest, without, created_at)"
                " SELECT 'other', 'Other', secret_digest || secret_digest, '', 0 FROM clients"
            )
            await (await session.connection()).exec_driver_sql(
                "UPDATE element_tokens SET client_key = (SELECT key FROM clients WHERE client_id = 'other')"
            )
        await revoke(api, token=token)
        assert await api.rows("SELECT count(*) FROM element_tokens") == [(1,)]

    async def test_a_revoked_account_leaves_its_tokens_for_good(self, api: Api, ada: Account, ben: Account) -> None:
        """Authorising it again does not bring it back; the first account stays the first."""
        token, alone = await api.element_token(ada, ben), await api.element_token(ada)
        await revoke(api, token=ada.refresh_token)
        for _ in range(2):
            assert await api.refusal(CALENDARS, token) == await api.refusal(CALENDARS, alone) == UNAUTHENTICATED
            await api.data(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ben))
            refusal = await api.refusal(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ada))
            assert refusal["errors"]["participants[0].members[0].sub"][0]["key"] == "errors.unknown"
            await api.application_calendar("ada")
        await revoke(api, sub=ben.sub)
        assert await api.refusal(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ben)) == UNAUTHENTICATED

    async def test_nothing_is_left_of_an_erased_account(self, api: Api, ada: Account, ben: Account) -> None:
        """Its tokens have lost it, as after a revocation."""
        token = await api.element_token(ada, ben)
        deleting = "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { deleted } }"
        await api.data(deleting, CLIENT_SECRET, input={"sub": ada.sub})
        assert await api.refusal(CALENDARS, token) == UNAUTHENTICATED
        await api.data(AVAILABILITY_PERIOD_STARTS, token, input=availability_input(ben))
        assert await api.rows("SELECT position FROM element_token_accounts") == [(1,)]

    async def test_no_token_survives_a_revocation_at_the_same_time(self, api: Api) -> None:
        """Whichever is first: either there is no token, or it has lost the account."""
        for n in range(8):
            whose = await api.application_calendar(f"person {n}")
            given = {"permissions": ["AGENDA"], "subs": [whose.sub], "origin": PAGE}
            made, _ = await asyncio.gather(api(ELEMENT_TOKEN, CLIENT_SECRET, input=given), revoke(api, sub=whose.sub))
            if "errors" not in made:
                token = ElementToken(made["data"]["elementToken"]["elementToken"]["token"], PAGE)
                assert await api.refusal(CALENDARS, token) == UNAUTHENTICATED


class TestLive:
    """Subscriptions of an element token, over WebSocket and as server-sent events."""

    @pytest.mark.parametrize("end", ["expired", "revoked", "revoked by its sub"])
    async def test_a_subscription_ends_with_its_token(self, database_url: str, end: str) -> None:
        """At once if it is revoked; if it expires, at the next look."""
        async with live_server(database_url) as live:
            api = live.api
            ada = await api.application_calendar("ada")
            token = await api.element_token(ada, permissions=["AVAILABILITY"], expiresIn=HOUR)
            async with live.connect(Origin=PAGE) as ws:
                await ws.initialize(Authorization=f"Bearer {token}")
                await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
                assert period_hours(await ws.next_result()) == ["9-17"]
                await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
                assert period_hours(await ws.next_result()) == ["10-17"]
                await end_token(live, token, ada, end)
                [error] = (await ws.next_result())["errors"]
                assert error["extensions"]["code"] == "UNAUTHENTICATED"
                await ws.expect_complete()

    async def test_server_sent_events(self, database_url: str) -> None:
        """From a page of its origin, and without an origin not."""
        async with live_server(database_url) as live:
            ada = await live.api.application_calendar("ada")
            token = await live.api.element_token(ada)
            given = availability_input(ada)
            async with live.event_stream(AVAILABILITY_CHANGED, token, origin=PAGE, input=given) as stream:
                assert period_hours(await stream.next_result()) == ["9-17"]
            async with live.event_stream(AVAILABILITY_CHANGED, token, input=given) as stream:
                [error] = (await stream.next_result())["errors"]
                assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def end_token(live: LiveServer, token: str, ada: Account, how: str) -> None:
    """Ends the token, and in the case of its expiry makes the subscription look."""
    if how == "expired":
        live.api.now += HOUR
        live.api.db.subscribers.wake(None)
    else:
        await revoke(live.api, **({"token": token} if how == "revoked" else {"sub": ada.sub}))
