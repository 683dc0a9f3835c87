// The story of an application calendar, told with Cronofy's SDK for JavaScript: `node cronofy.mjs URL CLIENT_ID SECRET`.
// It prints every method that it has called, in order. An assertion fails if a result is not the expected one.

import assert from "node:assert/strict";
import Cronofy from "cronofy";

const [url, client_id, client_secret] = process.argv.slice(2);

const cronofy = new Cronofy({ client_id, client_secret });
cronofy.urls.api = url;
const made = await cronofy.applicationCalendar({ application_calendar_id: "room-7" }); // the client keeps the tokens

const called = ["applicationCalendar"];
const call = (name, ...given) => {
  called.push(name);
  return cronofy[name](...given);
};
const refused = async (status, name, ...given) => {
  try {
    await call(name, ...given);
  } catch (error) {
    assert.equal(error.statusCode, status);
    return error;
  }
  assert.fail(`${name} was not refused`);
};

const { sub } = made;
const calendar_id = (await call("listCalendars")).calendars[0].calendar_id;
assert.equal((await call("userInfo")).sub, sub);
assert.equal((await call("accountInformation")).account.account_id, sub);
assert.equal((await call("profileInformation")).profiles[0].profile_name, "room-7");
assert.notEqual((await call("refreshAccessToken")).access_token, made.access_token);

const [nine, ten, noon] = ["09", "10", "12"].map((hour) => `2033-05-02T${hour}:00:00Z`);
const event = { calendar_id, event_id: "1", summary: "Interview", start: nine, end: ten, description: "" };
await call("createEvent", event);
const read = await call("readEvents", { tzid: "Etc/UTC", include_managed: true, calendar_ids: [calendar_id] });
assert.deepEqual(read.events.map((each) => each.event_id), ["1"]);
assert.deepEqual((await cronofy.readEvents({ tzid: "Etc/UTC" })).events, []);
const busy = await call("freeBusy", { tzid: "Etc/UTC", include_managed: true });
assert.deepEqual(busy.free_busy.map((each) => each.free_busy_status), ["busy"]);

const query = {
  participants: [{ members: [{ sub }], required: "all" }],
  required_duration: { minutes: 60 },
  query_periods: [{ start: nine, end: noon }],
};
const periods = await call("availability", query);
assert.deepEqual(periods.available_periods.map((each) => each.start), [ten]);
const withKey = await cronofy.availability({ ...query, response_format: "slots", access_token: client_secret });
assert.deepEqual(withKey.available_slots.map((each) => each.start), [ten, "2033-05-02T11:00:00Z"]);

const step = { participants: query.participants, required_duration: { minutes: 60 } };
const sequence = ["talk", "tour"].map((sequence_id, ordinal) => ({ ...step, sequence_id, ordinal }));
const { sequences } = await call("sequencedAvailability", { query_periods: query.query_periods, sequence });
assert.deepEqual(sequences[0].sequence.map((each) => [each.sequence_id, each.start.slice(11, 16)]), [
  ["talk", "10:00"],
  ["tour", "11:00"],
]);

const rule = {
  availability_rule_id: "default",
  tzid: "Etc/UTC",
  weekly_periods: [{ day: "monday", start_time: "11:00", end_time: "17:00" }],
};
assert.deepEqual((await call("upsertAvailabilityRule", rule)).availability_rule, rule);
assert.deepEqual((await call("listAvailabilityRules")).availability_rules, [rule]);
const one = await call("readAvailabilityRule", { availability_rule_id: "default" });
assert.deepEqual(one.availability_rule, rule);
await call("deleteAvailabilityRule", { availability_rule_id: "default" });
await refused(404, "readAvailabilityRule", { availability_rule_id: "default" });

await call("upsertAvailablePeriod", { available_period_id: "p", start: nine, end: noon });
const stored = await call("listAvailablePeriods", { from: "2033-05-01", to: "2033-05-03", tzid: "Etc/UTC" });
assert.deepEqual(stored.available_periods, [{ available_period_id: "p", start: nine, end: noon }]);
await call("deleteAvailablePeriods", { available_period_id: "p" });

const relative_url = `/v1/calendars/${calendar_id}/events`;
const batch = await call("batch", {
  batch: [
    { method: "POST", relative_url, data: { event_id: "2", summary: "s", start: nine, end: ten } },
    { method: "POST", relative_url, data: { event_id: "3" } },
  ],
});
assert.deepEqual(batch.batch.map((each) => each.status), [202, 422]);
await call("deleteEvent", { calendar_id, event_id: "2" });
await call("bulkDeleteEvents", { delete_all: true });
assert.deepEqual((await cronofy.readEvents({ tzid: "Etc/UTC", only_managed: true })).events, []);

const link = await call("realTimeScheduling", {
  availability: query,
  event: { event_id: "visit", summary: "A visit", tzid: "Europe/London" },
  target_calendars: [{ sub, calendar_id }],
});
assert.equal(link.url, link.real_time_scheduling.url);

const element = await call("requestElementToken", {
  permissions: ["availability"],
  subs: [sub],
  origin: "https://example.com",
});
assert.match(element.element_token.token, /^elt_/);

const error = await refused(422, "createEvent", { calendar_id, event_id: "1" });
assert.deepEqual(Object.keys(error.error.entity.errors).sort(), ["end", "start", "summary"]);
const { channel } = await call("createNotificationChannel", { callback_url: "https://example.com/changes" });
assert.deepEqual(channel.filters, {});
const { channels } = await call("listNotificationChannels");
assert.deepEqual(channels.map((each) => each.channel_id), [channel.channel_id]);
await call("deleteNotificationChannel", { channel_id: channel.channel_id });
assert.deepEqual((await cronofy.listNotificationChannels()).channels, []);
await refused(501, "elevatedPermissions", { permissions: [] });
await call("revokeAuthorization");
await refused(401, "userInfo");
console.log(called.join("\n"));
