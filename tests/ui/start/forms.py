"""Forms of pages as a browser without a script sends them: every control, and one button."""

from __future__ import annotations

from html.parser import HTMLParser


class _Controls(HTMLParser):
    """The controls of the form that is marked ``data-start``."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.invalid: set[str] = set()
        self.actions: list[str] = []
        self._inside = False
        self._name, self._text = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "data-start" in found
        elif self._inside:
            self._read(tag, found)

    def _read(self, tag: str, found: dict[str, str]) -> None:
        name = found.get("name", "")
        if "aria-invalid" in found:
            self.invalid.add(name)
        match tag:
            case "button":
                self.actions.append(found.get("value", ""))
            case "input" if found.get("type") != "file":
                self.values[name] = found.get("value", "")
            case "select" | "textarea":
                self._name, self._text = name, ""
                self.values[name] = ""
            case "option":
                self._text = ""
                if "selected" in found:
                    self.values[self._name] = found.get("value", "\0")

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if not self._inside:
            return
        if tag == "textarea":
            self.values[self._name] = self._text.removeprefix("\n")
        elif tag == "option" and self.values.get(self._name) == "\0":
            self.values[self._name] = self._text
        elif tag == "form":
            self._inside = False


def read_form(page: str) -> _Controls:
    """The controls of a page's form, with what is in them."""
    found = _Controls()
    found.feed(page)
    return found
