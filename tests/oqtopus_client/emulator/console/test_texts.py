"""The texts stand in one file per language, and nowhere else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator.console.pages import FOLDER
from oqtopus_client.emulator.console.texts import Texts, texts

TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
SHOWN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "label"}
WORD = re.compile(r"\b(?!\w+\.(json|zip|qasm)\b)(?<!\.)[A-Za-z]{2,}")
"""A word; a file's name is none, as it is the same in all languages."""


class _Words(HTMLParser):
    """Collects what a template shows that comes from no expression."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        names = SHOWN_ATTRIBUTES | ({"value"} if tag == "input" and values.get("type") in {None, "submit"} else set())
        self.found += [values[name] for name in names & values.keys() if WORD.search(values[name])]

    def handle_data(self, data: str) -> None:
        if WORD.search(data):
            self.found.append(data.strip())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_have_no_words(template: Path) -> None:
    """They have expressions and elements only."""
    words = _Words(template.read_text(encoding="utf-8")).found

    assert words == []


def test_words_are_found() -> None:
    """The test above sees words between elements and in attributes."""
    template = """
        <p title="Hello">{{ t.x }} and job.json <img alt="{{ t.y }}"></p>{# no #}<input type="hidden" value="none">
        <input value="Good bye"><button name="action" value="go">{{ t.go }}</button><a>input.zip</a>
    """

    assert _Words(template).found == ["Hello", "and job.json", "Good bye"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_name_texts_that_exist(template: Path) -> None:
    """Also in branches that no test takes."""
    for name in re.findall(r"\bt\.([a-z_]+(?:\.[a-z_]+)*)", template.read_text(encoding="utf-8")):
        found: Any = texts()
        for part in name.removesuffix(".format").split("."):
            found = found[part]


def test_texts() -> None:
    """A text is found by attribute and by key; names like those of a mapping's methods are texts, too."""
    given = Texts(copy="Copy", items="Items")

    assert (given.copy, given["items"]) == ("Copy", "Items")
    assert "copy" in given
    assert "keys" not in given
    with pytest.raises(KeyError, match="absent"):
        _ = given["absent"]


def test_every_text_is_a_sentence_or_a_word() -> None:
    """None is empty or has space around it, and the placeholders are names."""

    def check(found: Any) -> None:
        if isinstance(found, Texts):
            for each in vars(found).values():
                check(each)
        else:
            assert found == found.strip() != ""
            assert set("{}").isdisjoint(re.sub(r"\{[a-z_]+([!:][^{}]+)?\}", "", found))

    check(texts())
