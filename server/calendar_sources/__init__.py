"""Calendars elsewhere that busy time is read from: fetching their files, reading them, and the loop that does both."""
