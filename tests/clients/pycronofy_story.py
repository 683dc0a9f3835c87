"""The story of an application calendar, told with Cronofy's SDK for Python: `pycronofy_story.py URL CLIENT_ID SECRET`.

It prints every method that it has called, in order. An assertion fails if a result is not the expected one.
"""

import sys
from typing import Any

import pycronofy
from pycronofy import settings
from pycronofy.batch import BatchBuilder
from pycronofy.exceptions import PyCronofyPartialSuccessError, PyCronofyRequestError

url, client_id, client_secret = sys.argv[1:]

settings.API_BASE_URL = settings.APP_BASE_URL = url
cronofy = pycronofy.Client(client_id=client_id, client_secret=client_secret)
made = cronofy.application_calendar("store-42")  # the client keeps the tokens
[calendar] = cronofy.list_calendars()

calendar_id, sub = calendar["calendar_id"], made["sub"]
called: list[str] = ["application_calendar", "list_calendars"]


def call(name: str, *arguments: Any, **more: Any) -> Any:
    """Calls a method of the SDK."""
    called.append(name)
    return getattr(cronofy, name)(*arguments, **more)


def refused(name: str, *arguments: Any) -> Any:
    """Returns the response to a call that the server refuses."""
    try:
        call(name, *arguments)
    except PyCronofyRequestError as error:
        return error.response
    raise AssertionError(f"{name} was not refused")


assert call("userinfo")["sub"] == call("account")["account_id"] == sub
assert call("list_profiles")[0]["profile_name"] == "store-42"
assert call("is_authorization_expired") is False
token = cronofy.auth.access_token
assert call("refresh_authorization")["access_token"] != token

nine, ten, noon = (f"2033-05-02T{hour:02}:00:00Z" for hour in (9, 10, 12))
event = {"event_id": "1", "summary": "Interview", "start": nine, "end": ten, "location": {"description": "Room 1"}}
call("upsert_event", calendar_id, dict(event))
listed = list(call("read_events", from_date="2033-05-01", to_date="2033-05-03", calendar_ids=(calendar_id,)))
assert [(each["event_id"], each["start"], each["location"]) for each in listed] == [
    ("1", nine, {"description": "Room 1"})
]
localized = list(call("read_events", localized_times=True, tzid="Asia/Tokyo", only_managed=True))
assert localized[0]["start"] == {"time": "2033-05-02T09:00:00+00:00", "tzid": "Etc/UTC"}
assert [each["free_busy_status"] for each in call("read_free_busy", include_managed=True)] == ["busy"]

periods = [{"start": nine, "end": noon}]
found = call("availability", participants=[{"members": [sub]}], required_duration=60, available_periods=periods)
assert [(each["start"], each["end"]) for each in found] == [(ten, noon)]
found = call("availability", [{"members": [sub]}], 60, periods, start_interval=30, response_format="overlapping_slots")
assert [each["start"][11:16] for each in found] == ["10:00", "10:30", "11:00"]
found = call("availability", [{"members": [sub]}], 60, query_slots=[{"start": nine}, {"start": ten}])
assert [each["start"] for each in found] == [ten]

steps: list[Any] = [
    {"sequence_id": name, "ordinal": ordinal, "participants": [{"members": [sub]}], "required_duration": 30}
    for ordinal, name in enumerate(("talk", "tour"))
]
steps[1]["buffer"] = {"before": {"minimum": 15, "maximum": 30}}
found = call("sequenced_availability", sequence=steps, available_periods=[{"start": nine, "end": noon}])
assert [(each["sequence_id"], each["start"][11:16]) for each in found[0]["sequence"]] == [
    ("talk", "10:00"),
    ("tour", "10:45"),
]

rule = {
    "availability_rule_id": "default",
    "tzid": "Etc/UTC",
    "weekly_periods": [{"day": "monday", "start_time": "11:00", "end_time": "17:00"}],
}
assert call("upsert_availability_rule", rule) == call("get_availability_rule", "default") == rule
assert call("list_availability_rules") == [rule]
managed = {"members": [{"sub": sub, "managed_availability": True}]}
assert [each["start"][11:16] for each in call("availability", [managed], 60, periods)] == ["11:00"]
call("delete_availability_rule", "default")
assert refused("get_availability_rule", "default").status_code == 404

batch = BatchBuilder()
batch.upsert_event(calendar_id, {**event, "event_id": "2"})
batch.delete_event(calendar_id, "1")
call("batch", batch)
assert [each["event_id"] for each in cronofy.read_events()] == ["2"]
batch = BatchBuilder()
batch.upsert_event(calendar_id, {"event_id": "3", "start": nine, "end": ten})
try:
    call("batch", batch)
    raise AssertionError("half an event was accepted")
except PyCronofyPartialSuccessError as error:
    [failed] = error.batch_response.errors()
assert failed.status() == 422
assert set(failed.response["data"]["errors"]) == {"summary"}
call("delete_event", calendar_id, "2")
call("delete_all_events")
call("delete_all_events", calendar_ids=(calendar_id,))
assert list(cronofy.read_events()) == []

made = call("get_ui_element_token", ["agenda", "availability"], [sub], "https://example.com")["element_token"]
assert made["token"].startswith("elt_")
assert (made["origin"], made["expires_in"]) == ("https://example.com", 64_800)

availability = {"participants": [{"members": [sub]}], "required_duration": 60, "available_periods": periods}
visit = {"event_id": "visit", "summary": "A visit", "tzid": "Europe/London"}
link = call("real_time_scheduling", availability, {"redirect_uri": url}, visit)["real_time_scheduling"]
by_id = call("get_real_time_scheduling_status", real_time_scheduling_id=link["real_time_scheduling_id"])
by_token = call("get_real_time_scheduling_status", token=link["url"].rpartition("/")[2])
assert by_id == by_token
disabled = call("disable_real_time_scheduling_link", link["real_time_scheduling_id"], "Please call us.")
assert disabled["real_time_scheduling"]["status"] == "disabled"

channel = call("create_notification_channel", "https://example.com/changes", (calendar_id,))
assert channel["filters"] == {"calendar_ids": [calendar_id]}
assert [each["channel_id"] for each in call("list_notification_channels")] == [channel["channel_id"]]
call("close_notification_channel", channel["channel_id"])
assert cronofy.list_notification_channels() == []

assert refused("resources").status_code == 501
response = refused("upsert_event", calendar_id, {"event_id": "1", "start": nine, "end": nine})
assert response.status_code == 422
assert set(response.json()["errors"]) == {"summary", "end"}
call("revoke_authorization")
print("\n".join(called))
