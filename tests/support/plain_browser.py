"""A minimal browser without JavaScript: it parses pages, follows links, and submits forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2
from starlette.testclient import TestClient

_VOID = {"meta", "link", "input", "br", "img", "path", "circle"}


@dataclass
class Form:
    """A form: its method, and its fields as they would be submitted."""

    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Page(HTMLParser):
    """The parsed content of a page, in which every element must be closed properly."""

    response: httpx2.Response
    #: the texts of all elements, by the name of the element
    texts: dict[str, list[str]] = field(default_factory=dict)
    #: the address of each link, by its text
    links: dict[str, str] = field(default_factory=dict)
    #: the form of each button, by the text of the button
    forms: dict[str, Form] = field(default_factory=dict)
    #: the name and the attributes of each element
    attributes: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._form = Form("get")
        self.feed(self.response.text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes.append((tag, given))
        if tag == "form":
            self._form = Form(given["method"] or "")
        if tag == "input":
            self._form.fields[given["name"] or ""] = given["value"] or ""
        if tag == "option" and "selected" in given:
            self._form.fields["tz"] = given["value"] or ""
        if tag not in _VOID:
            self._open.append((tag, given, []))

    def handle_data(self, data: str) -> None:
        if not any(given.get("aria-hidden") == "true" for _, given, _ in self._open):
            for _, _, texts in self._open:
                texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        opened, given, texts = self._open.pop()
        assert opened == tag, (opened, tag)
        text = "".join(texts) if given.get("class") == "text" else " ".join("".join(texts).split())
        self.texts.setdefault(tag, []).append(text)
        if tag == "a":
            self.links[text] = given["href"] or ""
        if tag == "button":
            self.forms[text] = self._form

    @property
    def heading(self) -> str:
        """The text of the only heading of the first level."""
        [heading] = self.texts["h1"]
        return heading

    @property
    def text(self) -> str:
        """The text of the main element."""
        [text] = self.texts["main"]
        return text

    def elements(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a name."""
        return [given for name, given in self.attributes if name == tag]


class PlainBrowser:
    """A browser with one page open."""

    def __init__(self, client: TestClient, address: str) -> None:
        self.client = client
        self.page = self.open(address)

    def open(self, address: str, **more: Any) -> Page:
        """Opens an address; `more` are options of the request."""
        self.page = Page(self.client.get(address, **more))
        return self.page

    def follow(self, text: str) -> Page:
        """Follows the link with this text."""
        return self.open(str(self.page.response.url.join(self.page.links[text])))

    def submit(self, text: str, **changes: str) -> Page:
        """Submits the form of the button with this text, with some of its fields changed."""
        form, url = self.page.forms[text], self.page.response.url.join("?")
        if form.method == "get":
            return self.open(str(url), params=form.fields | changes)
        self.page = Page(self.client.post(str(url), data=form.fields | changes))
        return self.page
