"""Lines of iCalendar files (RFC 5545), for the doorways that serve them.

Every text can be read back from a file as it is shown elsewhere, but for control characters, which a file may not contain.
"""
