// Reads a calendar file as Thunderbird does, with ical.js: prints the start, end and summary of every instance that begins
// before an instant, which is given in seconds.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const [file, before] = process.argv.slice(2);
const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
const events = calendar.getAllSubcomponents("vevent").map((each) => new ICAL.Event(each));
const shown = (time) => (time.isDate ? time.toString() : time.toUnixTime());
const found = [];
for (const event of events.filter((each) => !each.isRecurrenceException())) {
  if (!event.isRecurring()) {
    found.push([shown(event.startDate), shown(event.endDate), event.summary]);
    continue;
  }
  for (const changed of events) if (changed.isRecurrenceException() && changed.uid === event.uid) event.relateException(changed);
  const starts = event.iterator();
  for (let start = starts.next(); start && start.toUnixTime() < Number(before); start = starts.next()) {
    const { startDate, endDate, item } = event.getOccurrenceDetails(start);
    found.push([shown(startDate), shown(endDate), item.summary]);
  }
}
console.log(JSON.stringify(found));
