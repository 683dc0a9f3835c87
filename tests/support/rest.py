"""A client of the REST API in this process: requests as Cronofy's SDKs send them."""

from typing import Any

import httpx2

from .api import CLIENT_ID, CLIENT_SECRET, Account, Api

CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Rest:
    """Sends requests to the REST API of an application, with the token of an account or with the application's key."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> httpx2.Response:
        """Returns the response to a request with this JSON body, and with none for None."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        given = {"json": body} if body is not None else {}
        return await self.api.http.request(
            method, path, headers={**headers, **more.pop("headers", {})}, **given, **more
        )

    async def ok(self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> Any:
        """Returns the JSON of a response, which must have status 200."""
        response = await self(method, path, body, token=token, **more)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        return response.json()

    async def accepted(self, method: str, path: str, body: Any = None, *, token: str, **more: Any) -> None:
        """Sends a write, which must be answered with status 202 and an empty body."""
        response = await self(method, path, body, token=token, **more)
        assert (response.status_code, response.content) == (202, b""), response.text

    async def keys(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> dict[str, list[str]]:
        """Returns the keys of a refused request's problems by path. The response must have status 422."""
        response = await self(method, path, body, token=token)
        assert response.status_code == 422, response.text
        return {name: [each["key"] for each in found] for name, found in response.json()["errors"].items()}

    async def upsert_event(self, account: Account, event_id: str, start: str, end: str, **more: Any) -> None:
        """Writes an event to the account's calendar."""
        event = {"event_id": event_id, "summary": f"Event {event_id}", "start": start, "end": end, **more}
        await self.accepted("POST", f"/v1/calendars/{account.calendar_id}/events", event, token=account.token)


def availability(*subs: str, **more: Any) -> dict[str, Any]:
    """A query for an hour with all of these accounts, from nine to twelve on a Monday."""
    return {
        "participants": [{"members": [{"sub": sub} for sub in subs], "required": "all"}],
        "required_duration": {"minutes": 60},
        "query_periods": [{"start": "2027-01-04T09:00:00Z", "end": "2027-01-04T12:00:00Z"}],
        **more,
    }
