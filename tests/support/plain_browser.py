"""A browser without JavaScript, as far as tests need one: it reads a page aloud, follows its links, and sends its forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2
from starlette.testclient import TestClient

_VOID = {"meta", "link", "input", "br", "img", "path", "circle"}


@dataclass
class Form:
    """A form as it would be sent."""

    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Page(HTMLParser):
    """What stands on a page. Whatever is not closed as it was opened is an error."""

    response: httpx2.Response
    #: the text of an element, by its name, of all that there are
    texts: dict[str, list[str]] = field(default_factory=dict)
    #: from the words of a link to where it leads
    links: dict[str, str] = field(default_factory=dict)
    #: from the words of its button
    forms: dict[str, Form] = field(default_factory=dict)
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
        words = "".join(texts) if given.get("class") == "text" else " ".join("".join(texts).split())
        self.texts.setdefault(tag, []).append(words)
        if tag == "a":
            self.links[words] = given["href"] or ""
        if tag == "button":
            self.forms[words] = self._form

    @property
    def heading(self) -> str:
        [heading] = self.texts["h1"]
        return heading

    @property
    def words(self) -> str:
        """All that is to be read."""
        [words] = self.texts["main"]
        return words

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of a name."""
        return [given for name, given in self.attributes if name == tag]


class Reader:
    """Somebody with such a browser."""

    def __init__(self, client: TestClient, address: str) -> None:
        self.client = client
        self.page = self.open(address)

    def open(self, address: str, **more: Any) -> Page:
        self.page = Page(self.client.get(address, **more))
        return self.page

    def follow(self, words: str) -> Page:
        """Follows a link."""
        return self.open(str(self.page.response.url.join(self.page.links[words])))

    def press(self, words: str, **changes: str) -> Page:
        """Presses a button, with some fields filled in differently."""
        form, url = self.page.forms[words], self.page.response.url.join("?")
        if form.method == "get":
            return self.open(str(url), params=form.fields | changes)
        self.page = Page(self.client.post(str(url), data=form.fields | changes))
        return self.page
