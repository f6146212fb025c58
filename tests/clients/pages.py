"""Fenced blocks of the documents, for tests that do what these say."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w[\w ]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path | str, *languages: str) -> list[tuple[str, str]]:
    """The language and the text of each block in one of these languages, in order. A page is named by its path in the project."""
    found = BLOCK.finditer((ROOT / page).read_text())
    return [(block["language"], textwrap.dedent(block["text"])) for block in found if block["language"] in languages]


def documented(page: Path | str, language: str) -> str:
    """The text of the only block in this language."""
    [(_, text)] = blocks(page, language)
    return text


def replaced(text: str, **words: str) -> str:
    """The text with each of these, which all occur in it, replaced."""
    for old, new in words.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
