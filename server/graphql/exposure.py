"""What is open to whom: introspection, GraphiQL, and queries by GET."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..http.requests import RequestError
from .http import names_json

GetRule: TypeAlias = Literal["on", "json", "off"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Open where only this machine can reach the address, locked elsewhere, unless the settings say otherwise."""

    introspection: bool = True
    graphiql: bool = True
    #: every query; those whose Accept header names JSON, which no link, picture or form can have; none
    get: GetRule = "on"

    @classmethod
    def of(cls, *, loopback: bool, introspection: str, graphiql: str, get: str) -> "Exposure":
        """The profile of settings that are `auto`, `on` and `off`, and of `get` also `json`."""
        rules: dict[str, GetRule] = {"on": "on", "json": "json", "off": "off", "auto": "on" if loopback else "json"}
        return cls(
            introspection=introspection == "on" or (introspection == "auto" and loopback),
            graphiql=graphiql == "on" or (graphiql == "auto" and loopback),
            get=rules[get],
        )

    @property
    def summary(self) -> str:
        """The profile in a line for whoever starts the server."""
        name = {OPEN: "open", LOCKED: "locked"}.get(self, "your own")
        switches = (("introspection", self.introspection), ("GraphiQL", self.graphiql))
        parts = [f"{what} {'on' if on else 'off'}" for what, on in switches]
        get = {"on": "GET on", "json": "GET only for clients that accept JSON by name", "off": "GET off"}[self.get]
        return f"Profile: {name} ({', '.join([*parts, get])})"

    def check_get(self, accept: str) -> None:
        """Raises RequestError for a GET that is not let in."""
        if self.get == "off":
            raise RequestError(405, "Queries are sent by POST here.", Allow="POST")
        if self.get == "json" and not names_json(accept):
            words = "Send the query by POST, or by GET with an Accept header that names application/json."
            raise RequestError(405, words, Allow="POST")


OPEN = Exposure()
LOCKED = Exposure(introspection=False, graphiql=False, get="json")
