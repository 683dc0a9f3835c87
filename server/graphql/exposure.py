"""Exposure: whether introspection, GraphiQL and queries by GET are on."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..http.requests import RequestError
from .http import names_json

GetRule: TypeAlias = Literal["on", "json", "off"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """The three switches. By default OPEN on a loopback address and LOCKED on any other; the settings override each."""

    introspection: bool = True
    graphiql: bool = True
    #: `on`: every query; `json`: if Accept names JSON, which no link, image or form can send; `off`: none
    get: GetRule = "on"

    @classmethod
    def of(cls, *, loopback: bool, introspection: str, graphiql: str, get: str) -> "Exposure":
        """Resolves the settings, which are `auto`, `on` or `off`; `get` may also be `json`."""
        rules: dict[str, GetRule] = {"on": "on", "json": "json", "off": "off", "auto": "on" if loopback else "json"}
        return cls(
            introspection=introspection == "on" or (introspection == "auto" and loopback),
            graphiql=graphiql == "on" or (graphiql == "auto" and loopback),
            get=rules[get],
        )

    @property
    def summary(self) -> str:
        """One line for the terminal when the server starts."""
        name = {OPEN: "open", LOCKED: "locked"}.get(self, "custom")
        switches = (("introspection", self.introspection), ("GraphiQL", self.graphiql))
        parts = [f"{switch} {'on' if on else 'off'}" for switch, on in switches]
        get = {"on": "GET on", "json": "GET only for clients that accept JSON by name", "off": "GET off"}[self.get]
        return f"Profile: {name} ({', '.join([*parts, get])})"

    def check_get(self, accept: str) -> None:
        """Raises RequestError for a GET that is not allowed."""
        if self.get == "off":
            raise RequestError(405, "This server accepts queries by POST only.", Allow="POST")
        if self.get == "json" and not names_json(accept):
            words = "Send the query by POST, or by GET with an Accept header that names application/json."
            raise RequestError(405, words, Allow="POST")


OPEN = Exposure()
LOCKED = Exposure(introspection=False, graphiql=False, get="json")
