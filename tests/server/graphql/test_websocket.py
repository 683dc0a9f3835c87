"""GraphQL over WebSocket: graphql-transport-ws, message by message, on a real socket."""

import json
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.graphql import websocket
from server.graphql.websocket import MAX_MESSAGE, MAX_OPERATIONS
from tests.support.api import CLIENT_SECRET
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import LiveServer, WebSocketClient, live_server

#: these tests do not depend on the database
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

CALENDARS = "{ calendars { calendarPrimary } }"


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[LiveServer]:
    """The application on a socket. After the test, no connection may be left open."""
    async with live_server(database_url) as opened:
        yield opened
        await opened.wait_until_idle()


@pytest.fixture
async def ws(live: LiveServer) -> AsyncGenerator[WebSocketClient]:
    """A connection before connection_init."""
    async with live.connect() as opened:
        yield opened


class TestOperations:
    """Operations on a socket."""

    async def test_a_query_is_answered_and_completed(self, live: LiveServer, ws: WebSocketClient) -> None:
        ada = await live.api.application_calendar("ada")
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        await ws.subscribe(CALENDARS)
        assert await ws.next_result() == {"data": {"calendars": [{"calendarPrimary": True}]}}
        await ws.expect_complete()

    async def test_a_mutation_is_executed(self, live: LiveServer, ws: WebSocketClient) -> None:
        ada = await live.api.application_calendar("ada")
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        await ws.subscribe(UPSERT_EVENT, input=upsert_event_input(ada, 9, 10))
        assert await ws.next_result() == {"data": {"upsertEvent": {"created": True}}}
        await ws.expect_complete()

    @pytest.mark.parametrize("query", ["{", "{ nothing }", "query A { __typename } query B { __typename }"])
    async def test_an_invalid_document_is_an_error_under_its_id(self, ws: WebSocketClient, query: str) -> None:
        """The socket stays open for other operations."""
        await ws.initialize()
        await ws.subscribe(query, id="wrong")
        message = await ws.receive()
        assert (message["id"], message["type"]) == ("wrong", "error")
        assert message["payload"][0]["extensions"] == {"code": "BAD_REQUEST"}
        await ws.subscribe("{ __typename }")
        assert await ws.next_result() == {"data": {"__typename": "Query"}}

    async def test_a_refusal_is_an_answer(self, ws: WebSocketClient) -> None:
        """With data and path, as over HTTP."""
        await ws.initialize()
        await ws.subscribe(CALENDARS)
        answer = await ws.next_result()
        assert answer["data"] == {"calendars": None}
        assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        await ws.expect_complete()

    async def test_operations_on_one_socket_do_not_wait_for_each_other(
        self, live: LiveServer, ws: WebSocketClient
    ) -> None:
        ada, ben = [await live.api.application_calendar(name) for name in ("ada", "ben")]
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        for name, whom in (("of ada", ada), ("of ben", ben)):
            await ws.subscribe(AVAILABILITY_CHANGED, id=name, input=availability_input(whom))
            assert period_hours(await ws.next_result(name)) == ["9-17"]
        await ws.subscribe("{ __typename }", id="query")
        await ws.next_result("query")
        await ws.expect_complete("query")
        await live.api.data(UPSERT_EVENT, ben.token, input=upsert_event_input(ben, 9, 10))
        assert period_hours(await ws.next_result("of ben")) == ["10-17"]

    async def test_a_subscription_completed_by_the_client_sends_nothing_more(
        self, live: LiveServer, ws: WebSocketClient
    ) -> None:
        """Its id can be reused at once."""
        ada = await live.api.application_calendar("ada")
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
        await ws.next_result()
        await ws.send(id="1", type="complete")
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        await ws.expect_silence()
        assert len(live.api.db.subscribers) == 0
        await ws.subscribe("{ __typename }")
        await ws.next_result()
        await ws.expect_complete()

    async def test_the_token_of_connection_init_overrides_that_of_the_handshake(self, live: LiveServer) -> None:
        """Browsers can only send the former, and clients that renew a token send it there."""
        ada = await live.api.application_calendar("ada")
        async with live.connect(Authorization="Bearer outdated") as ws:
            await ws.initialize(authorization=f"Bearer {ada.token}")
            await ws.subscribe("{ userInfo { sub } }")
            assert await ws.next_result() == {"data": {"userInfo": {"sub": ada.sub}}}

    async def test_a_ping_is_answered_at_any_time(self, ws: WebSocketClient) -> None:
        """A pong is not answered."""
        await ws.send(type="ping")
        assert await ws.receive() == {"type": "pong"}
        await ws.initialize()
        await ws.send(type="pong")
        await ws.send(type="ping", payload={"now": 1})
        assert await ws.receive() == {"type": "pong"}

    async def test_operations_beyond_the_limit_of_a_socket_are_refused(
        self, live: LiveServer, ws: WebSocketClient
    ) -> None:
        """CVE-2026-35526: without a limit, one socket could hold any number of subscriptions."""
        ada = await live.api.application_calendar("ada")
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        for n in range(MAX_OPERATIONS + 1):
            await ws.subscribe(AVAILABILITY_CHANGED, id=str(n), input=availability_input(ada))
        refused = [
            message for message in [await ws.receive() for _ in range(MAX_OPERATIONS + 1)] if "payload" in message
        ]
        [message] = [message for message in refused if message["type"] == "error"]
        assert message["payload"][0]["extensions"] == {"code": "RATE_LIMITED"}
        assert message["id"] == str(MAX_OPERATIONS)
        assert len(live.api.db.subscribers) == MAX_OPERATIONS


class TestBreaches:
    """Protocol violations, and the code with which the connection is closed."""

    async def test_subscribing_before_connection_init(self, live: LiveServer, ws: WebSocketClient) -> None:
        ada = await live.api.application_calendar("ada")
        await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
        assert await ws.wait_closed() == (4401, "Unauthorized")

    async def test_a_second_connection_init(self, ws: WebSocketClient) -> None:
        await ws.initialize()
        await ws.send(type="connection_init")
        assert await ws.wait_closed() == (4429, "Too many initialisation requests")

    async def test_no_connection_init(self, live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(websocket, "INTRODUCTION", 0.05)
        async with live.connect() as ws:
            assert await ws.wait_closed() == (4408, "Connection initialisation timeout")

    async def test_an_id_in_use(self, live: LiveServer, ws: WebSocketClient) -> None:
        ada = await live.api.application_calendar("ada")
        await ws.initialize(Authorization=f"Bearer {ada.token}")
        await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
        await ws.next_result()
        await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
        assert await ws.wait_closed() == (4409, "Subscriber for 1 already exists")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no JSON",
            "1",
            "null",
            "[]",
            "{}",
            '{"type": 1}',
            '{"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "1", "payload": {}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
            '{"type": "ping", "payload": ' + "[" * 20_000,
        ],
    )
    async def test_invalid_messages(self, ws: WebSocketClient, text: str) -> None:
        await ws.initialize()
        await ws.connection.send(text)
        code, _ = await ws.wait_closed()
        assert code == 4400

    async def test_binary_frames(self, ws: WebSocketClient) -> None:
        await ws.connection.send(json.dumps({"type": "connection_init"}).encode())
        assert await ws.wait_closed() == (4400, "Messages are JSON in text frames")

    async def test_messages_that_are_too_large(self, ws: WebSocketClient) -> None:
        """They are not read to the end."""
        await ws.initialize()
        await ws.send(type="ping", payload={"text": "x" * MAX_MESSAGE})
        code, _ = await ws.wait_closed()
        assert code == 1009

    @pytest.mark.parametrize("protocol", ["graphql-ws", "mqtt", None])
    async def test_another_subprotocol(self, live: LiveServer, protocol: str | None) -> None:
        """CVE-2026-35523: the older protocol could be made to answer before authentication."""
        if protocol is None:
            async with live.connect(None) as ws:
                assert await ws.wait_closed() == (4406, "Subprotocol not acceptable")
            return
        async with live.connect(protocol) as ws:
            assert ws.connection.subprotocol is None
            with suppress(ConnectionClosed):
                await ws.send(type="start", id="1", payload={"query": "{ __typename }"})
            assert await ws.wait_closed() == (4406, "Subprotocol not acceptable")


class TestHandshake:
    """Which connections are accepted."""

    async def test_a_page_of_the_same_origin_is_accepted(self, live: LiveServer) -> None:
        async with live.connect(Origin=f"http://127.0.0.1:{live.port}") as ws:
            await ws.initialize()

    async def test_the_number_of_sockets_is_limited(self, database_url: str) -> None:
        """Of those with a token: a connection beyond the limit gets status 503, and is accepted once there is room.

        One that was open before its token made it one too many is closed with 1013, after which clients come back.
        """
        async with live_server(database_url, max_subscriptions=2) as live:
            async with live.connect() as one, live.connect() as other, live.connect() as one_more, live.connect():
                for ws in (one, other):
                    await ws.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
                    await ws.subscribe("{ __typename }")
                    await ws.next_result()
                await one_more.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
                assert (await one_more.wait_closed())[0] == 1013
                with pytest.raises(InvalidStatus) as found:
                    async with live.connect():
                        pass
                assert found.value.response.status_code == 503
            await live.wait_until_idle()
            async with live.connect() as ws:
                await ws.initialize()

    async def test_the_subscriptions_of_one_application_are_limited(self, database_url: str) -> None:
        """Over all of its sockets, so that there is room for other applications."""
        async with live_server(database_url, max_client_subscriptions=1) as live:
            ada = await live.api.application_calendar("ada")
            other = await live.api.application_calendar_of_another_client("other")
            async with live.subscribe(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as ws:
                await ws.next_result()
                async with live.subscribe(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as one_more:
                    assert (await one_more.receive())["payload"][0]["extensions"] == {"code": "RATE_LIMITED"}
                async with live.subscribe(AVAILABILITY_CHANGED, other.token, input=availability_input(other)) as theirs:
                    assert period_hours(await theirs.next_result()) == ["9-17"]


async def test_a_client_that_stops_reading_is_disconnected(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its operations end with it: messages for it are not buffered without limit, and not for ever."""
    monkeypatch.setattr(websocket, "STALLED", 0.2)
    ada = await live.api.application_calendar("ada")
    month = [{"start": "2027-01-19T00:00:00Z", "end": "2027-02-19T00:00:00Z"}]
    many = {"responseFormat": "SLOTS", "queryPeriods": month, "maxResults": 200}
    # Twelve megabytes in total: more than the kernel's socket buffers take.
    starts = " ".join(f"start{n}: start" for n in range(20))
    large = AVAILABILITY_CHANGED.replace("availablePeriods { start end }", f"availableSlots {{ {starts} }}")
    async with live.connect(Authorization=f"Bearer {ada.token}") as ws:
        await ws.initialize()
        ws.connection.transport.pause_reading()
        for n in range(MAX_OPERATIONS):
            await ws.subscribe(large, id=str(n), input={**availability_input(ada), **many})
        await live.wait_until_idle()
        ws.connection.transport.abort()
