"""GraphQL over HTTP, WebSocket and server-sent events: a doorway on `server/http`."""
