#!/usr/bin/env python3
"""Checks that every relative link of the Markdown files leads to a file of this repository, and to a heading where it names one, and that
docs/SUMMARY.md lists every page of docs/ once. Prints what is wrong, one per line, and fails if anything is. Tests itself first."""

import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
CODE = re.compile(r"^( *)```.*?^\1```$|^(?: {4}|\t).*?$|(`+)[^`].*?\2", re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it of its text."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page. A repeated one gets a number."""
    found: set[str] = set()
    without_blocks = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in HEADING.findall(without_blocks):
        name = anchor(heading)
        number = 0
        while (numbered := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(numbered)
    return found


def links(text: str) -> list[str]:
    return LINK.findall(CODE.sub("", text))


def problems(root: Path, pages: list[Path], files: set[Path]) -> list[str]:
    """What is wrong with the links of pages, which lead to files of `root`."""
    found = []
    for page in pages:
        for link in links(page.read_text()):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, name = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if target not in files and not any(target in file.parents for file in files):
                found.append(f"{page.relative_to(root)}: {link} leads nowhere")
            elif name and target.suffix == ".md" and name not in anchors(target.read_text()):
                found.append(f"{page.relative_to(root)}: {link}: there is no such heading")
    summary = root / "docs" / "SUMMARY.md"
    listed = [(summary.parent / link).resolve() for link in links(summary.read_text())]
    for page in pages:
        times = listed.count(page)
        if page.is_relative_to(root / "docs") and page != summary and times != 1:
            found.append(f"docs/SUMMARY.md lists {page.relative_to(root)} {times} times")
    return found


def self_test() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "docs").mkdir()
        written = {
            "docs/SUMMARY.md": "[One](one.md)\n[Two](two.md)\n[Two](two.md)",
            "docs/one.md": "# One, `and` more\n\n[a](two.md#two) [b](#one-and-more) [c](https://example.org) `[d](nowhere.md)`\n\n    [e](nowhere.md)\n",
            "docs/two.md": "# Two\n\n[a](nowhere.md) [b](one.md#two)\n\n```sh\n# Not a heading\n[c](nowhere.md)\n```\n[d](#not-a-heading)\n",
            "docs/three.md": "# Three\n",
        }
        for name, text in written.items():
            (root / name).write_text(text)
        pages = [root / name for name in written]
        assert problems(root, pages, set(pages)) == [
            "docs/two.md: nowhere.md leads nowhere",
            "docs/two.md: one.md#two: there is no such heading",
            "docs/two.md: #not-a-heading: there is no such heading",
            "docs/SUMMARY.md lists docs/two.md 2 times",
            "docs/SUMMARY.md lists docs/three.md 0 times",
        ], problems(root, pages, set(pages))


def files_of(root: Path) -> set[Path]:
    """All files but those of builds and tools."""
    found = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("target", "node_modules") and (not name.startswith(".") or name == ".github")]
        found.update(Path(folder) / name for name in names)
    return found


def main() -> int:
    self_test()
    files = files_of(ROOT)
    found = problems(ROOT, sorted(path for path in files if path.suffix == ".md"), files)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
