"""One function per thing that a caller can ask. Core values in, core values out; neither GraphQL nor HTTP.

Each is the same four steps, in this order: *shape* (is the request one that can be done?), *right* (may the caller?),
*facts* (what does the database say?), *answer*. A read that fails raises; nothing here has a default that means "free".
"""
