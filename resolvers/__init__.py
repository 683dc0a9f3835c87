"""One function per operation. Takes and returns core values; knows neither GraphQL nor HTTP.

Each has the same four steps, in this order: *shape* (is the request valid?), *right* (may the caller do this?),
*facts* (what does the database say?), *answer*. A failed read raises; no default here means "free".
"""
