#!/usr/bin/env python3
"""Builds the documentation site with mdBook: build.py FOLDER

The pages are the Markdown files that docs/SUMMARY.md lists, at the paths that they have in the repository, so that their links to each other
hold. Links to other files of the repository lead to where it is published. The page of commands is completed with what the program says of
itself (ROADSTEAD_BIN). Fails if a link of the site leads nowhere.
"""

import html.parser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urldefrag

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
[REPOSITORY] = re.findall('^git-repository-url = "(.*)"$', (HERE / "book.toml").read_text(), re.MULTILINE)


def rewritten(text: str, target) -> str:
    """The text with the relative links that `target` gives for those in it."""
    return LINK.sub(lambda found: found[0] if re.match(r"[a-z]+:|#", found[1]) else f"]({target(found[1])})", text)


def help_of(*command: str) -> str:
    binary = os.environ.get("ROADSTEAD_BIN", ROOT / "target" / "release" / "roadstead")
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "120"}
    return subprocess.run([binary, *command, "--help"], check=True, capture_output=True, text=True, env=environment).stdout


def commands(*command: str) -> str:
    """The help of a command and all those below it, as sections."""
    text = help_of(*command)
    level = "#" * (len(command) + 1)
    sections = f"\n{level} roadstead {' '.join(command)}\n\n```text\n{text.strip()}\n```\n" if command else ""
    listed = re.search(r"^Commands:\n((?: .*\n|\n)+)", text, re.MULTILINE)
    names = re.findall(r"^  ([a-z][a-z-]*)", listed[1], re.MULTILINE) if listed else []
    return sections + "".join(commands(*command, name) for name in names if name != "help")


def named(path: str) -> str:
    """The path in the book: what a directory's README is on GitHub, its index is on a web site."""
    return re.sub(r"(^|/)README\.md(?=#|$)", r"\1index.md", path)


def stage(folder: Path) -> None:
    """Lays out the sources of the book."""
    summary = (ROOT / "docs" / "SUMMARY.md").read_text()
    pages = {(ROOT / "docs" / link).resolve() for link in LINK.findall(summary)}
    source = folder / "src"
    source.mkdir()
    shutil.copy(HERE / "book.toml", folder)
    in_book = lambda link: named(os.path.normpath(os.path.join("docs", link)))  # noqa: E731
    (source / "SUMMARY.md").write_text(rewritten(summary, in_book))
    for page in pages:

        def target(link: str, page: Path = page) -> str:
            path, mark, name = link.partition("#")
            file = (page.parent / path).resolve()
            if file in pages or file.suffix in (".png", ".svg"):
                return named(link)
            return f"{REPOSITORY}/blob/main/{file.relative_to(ROOT)}{mark}{name}"

        text = rewritten(page.read_text(), target)
        if page.name == "commands.md":
            text = re.sub(r"<!--.*?-->\n", "", text) + commands()
        copy = source / named(str(page.relative_to(ROOT)))
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    for picture in [*ROOT.glob("docs/**/*.png"), *ROOT.glob("docs/**/*.svg")]:
        copy = source / picture.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, copy)


class Page(html.parser.HTMLParser):
    """The links of a page and the places in it that links can lead to."""

    def __init__(self, file: Path):
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def broken_links(site: Path) -> list[str]:
    pages = {file: Page(file) for file in site.rglob("*.html")}
    found = []
    for file, page in pages.items():
        # The page for missing addresses has links from the root of a site.
        for link in page.links if file.name != "404.html" else ():
            address, place = urldefrag(unquote(link))
            if re.match(r"[a-z]+:|//", address):
                continue
            target = (file.parent / address).resolve() if address else file
            if not target.exists() or (place and target in pages and place not in pages[target].places):
                found.append(f"{file.relative_to(site)}: {link}")
    return sorted(found)


def main(destination: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder))
        subprocess.run(["mdbook", "build", "--dest-dir", destination, folder], check=True)
    broken = broken_links(destination)
    for link in broken:
        print(f"site: {link} leads nowhere", file=sys.stderr)
    print(f"site: {destination / 'index.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(Path(sys.argv[1]).resolve()))
