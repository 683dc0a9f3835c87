"""Storage on SQLite and PostgreSQL; the only package that knows SQLModel.

Most functions take a session. The hot reads (`access`, `events.busy`, `callbacks.next_due`) take
`Statements`, which are a driver or the `Snapshot` of a session. The hot writes (`events.upsert_one`,
`bookings.book_unchanged`) take the `Database`, because they run in one trip and without a session.
"""
