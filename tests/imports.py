#!/usr/bin/env python3
"""Checks the imports of every crate against ARCHITECTURE.md: they point down, and no circle has more than two files.

    imports.py                   fails on circles and on imports that point up
    imports.py --summary         prints figures per crate
    imports.py --root DIRECTORY  reads the crates of another working tree
    imports.py --self-test       checks this script with small crates

Reads `use` trees and paths. A name counts as imported from the file that defines it, not from those that re-export it. Code under
`#[cfg(test)]` and the expansion of macros are ignored.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

# The floors of each crate, from the highest to the lowest. An entry is a module with its submodules, or several modules that may
# import each other. It may import lower floors, but no other entry of its own floor. The longest name that matches a file applies.
FLOORS = {
    "server": [
        ["main"],
        ["cli"],
        ["background", "connection"],
        ["router"],
        ["aws", "gallery", "oci", "probes"],
        ["server", "quick_start"],
        ["audit"],
        ["telemetry", "tls"],
        ["admission"],
        ["auth", "aws_errors", "rates"],
        ["http"],
        ["config", "descriptors", "heap", "principal"],
    ],
    "model": [
        ["aws", "gallery", "policy"],
        [
            "account alias arn catalog_data day digest image manifest measure media_type name network oci page platform referrer "
            "repository resource_tag sealed tag timestamp user_id"
        ],
    ],
    "registry": [
        [
            "access_facts access_keys accounts acme aliases backups bulletins catalog_data checking collection declarations download_volumes gallery image_deletion images leaders manifest_push manifests "
            "inventory opening policy_binding portability pull_statistics referrers repositories repository_blobs repository_policies resource_tags scrubbing search tags transfer uploads "
            "user_policies users"
        ],
        ["installation"],
        ["caches"],
        ["access_facts/facts", "access_key_row", "pull_statistics/store", "registry_row", "repository_row"],
        ["stale"],
        ["blobs", "data_directory", "metadata"],
        ["disk", "hashing", "secrets", "upload_ids", "upload_leases", "upload_quota"],
        ["pull_statistics/counters pull_statistics/expected_pulls pull_statistics/told_pulls stored_manifest"],
        ["any_certificate", "board", "causes", "clock", "error", "jitter", "limits", "markdown", "measuring", "pace", "places", "pulls", "repository_blob", "spans"],
    ],
}

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<string>b?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])')
    |(?P<lifetime>'[A-Za-z_]\w*)
    |(?P<token>[A-Za-z_]\w*|::|[^\s\w])
    |(?P<rest>\s+|\w+)""",
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}
ITEMS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}


def tokens_of(text):
    """The tokens of a file, without comments, strings, lifetimes and items for tests, and the names of its test modules."""
    tokens = [match["token"] for match in TOKEN.finditer(text) if match["token"]]
    kept, at, tests = [], 0, set()
    while at < len(tokens):
        if tokens[at : at + 2] == ["#", "["]:
            end = skip_group(tokens, at + 1)
            condition = tokens[at + 2 : end - 1]
            at = end
            if condition[:2] == ["cfg", "("] and "test" in condition and "not" not in condition:
                start, at = at, skip_item(tokens, at)
                if "mod" in tokens[start:at] and tokens[at - 1] == ";":
                    tests.add(tokens[at - 2])
        else:
            kept.append(tokens[at])
            at += 1
    return kept, tests


def skip_group(tokens, at):
    """Returns the index after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        depth += (tokens[at] in OPENING) - (tokens[at] in CLOSING)
        at += 1
        if depth == 0:
            break
    return at


def skip_item(tokens, at):
    """Returns the index after an item, which ends with a semicolon, braces, or the comma of a field."""
    while at < len(tokens):
        if tokens[at] in (";", ","):
            return at + 1
        if tokens[at] in OPENING:
            braces, at = tokens[at] == "{", skip_group(tokens, at)
            if braces:
                return at
        elif tokens[at] in CLOSING:
            return at
        else:
            at += 1
    return at


class Module:
    def __init__(self, file, parent=None):
        self.file, self.parent = file, parent
        self.root = parent.root if parent else self
        self.children, self.items = {}, set()
        self.uses = []  # (path, alias, is re-export); the alias of a glob is "*"
        self.paths = []  # outside `use`
        self.words = Counter()  # occurrences of names outside `use`


class Crate:
    """The modules of a package, and the names that each file imports from each other file."""

    def __init__(self, folder):
        self.source = folder / "src"
        self.modules, self.roots = [], {}
        for root in [self.source / "lib.rs", self.source / "main.rs", *sorted(self.source.glob("bin/*.rs"))]:
            if root.exists():
                module = Module(root)
                self.read(module, root.parent)
                self.roots[root.stem] = module
        manifest = (folder / "Cargo.toml").read_text() if (folder / "Cargo.toml").exists() else ""
        name = re.search(r'^name = "([^"]+)"', manifest, re.MULTILINE)
        self.name = name[1].replace("-", "_") if name else folder.name
        self.imports = defaultdict(set)  # names by (importing file, defining file)
        for module in self.modules:
            self.collect_imports(module)

    def read(self, module, folder):
        """Reads the file of a module whose child modules are in `folder`."""
        tokens, tests = tokens_of(module.file.read_text())
        self.read_module(module, folder, tokens, 0, tests)

    def read_module(self, module, folder, tokens, at, tests):
        self.modules.append(module)
        depth, public = 0, False
        while at < len(tokens):
            token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
            if token == "}" and depth == 0:
                return at + 1
            depth += (token in OPENING) - (token in CLOSING)
            if token == "pub":
                public, at = True, skip_group(tokens, at + 1) if following == "(" else at + 1
                continue
            if token == "use" and following != "<":
                at = self.read_use(module, tokens, at + 1, [], public)
            elif token == "mod" and depth == 0:
                at = self.read_child(module, folder, tokens, at + 1, tests)
            elif token == "macro_rules":
                module.items.add(tokens[at + 2])
                at += 3
            elif token in ITEMS and depth == 0 and following.isidentifier():
                module.items.add(following)
                at += 2 if following not in ITEMS else 1
            elif following == "::" and token.isidentifier() and (at == 0 or tokens[at - 1] != "::"):
                path, at = read_path(tokens, at)
                module.paths.append(path)
                module.words[path[0]] += 1
            else:
                if token.isidentifier():
                    module.words[token] += 1
                at += 1
            public = False
        return at

    def read_child(self, module, folder, tokens, at, tests):
        name, at = tokens[at], at + 1
        if tokens[at] == "{":
            module.children[name] = child = Module(module.file, module)
            return self.read_module(child, folder / name, tokens, at + 1, tests)
        for file in (folder / f"{name}.rs", folder / name / "mod.rs"):
            if name not in tests and file.exists():
                module.children[name] = child = Module(file, module)
                self.read(child, folder / name)
        return at + 1

    def read_use(self, module, tokens, at, path, public):
        """Reads a tree below `path`. Returns the index after it."""
        token = tokens[at]
        if token == "::":
            return self.read_use(module, tokens, at + 1, path, public)
        if token == "{":
            at += 1
            while tokens[at] != "}":
                at = self.read_use(module, tokens, at, path, public)
                at += tokens[at] == ","
            return at + 1
        if token == "*":
            module.uses.append((path, "*", public))
            return at + 1
        if token != "self" or not path:
            path = [*path, token]
        if tokens[at + 1] == "::":
            return self.read_use(module, tokens, at + 2, path, public)
        if tokens[at + 1] == "as":
            module.uses.append((path, tokens[at + 2], public))
            return at + 3
        module.uses.append((path, path[-1], public))
        return at + 1

    def resolve(self, module, path, seen=frozenset()):
        """Returns the module, or the file and name of the item, that a path in `module` refers to. `None` if it is in another crate."""
        if (id(module), tuple(path)) in seen:
            return None
        seen = seen | {(id(module), tuple(path))}
        first, *rest = path
        is_relative = False
        if first == "crate":
            here = module.root
        elif first == "self":
            here = module
        elif first == "super":
            here = module.parent
            while rest[:1] == ["super"]:
                here, rest = here.parent, rest[1:]
        elif first == self.name and "lib" in self.roots and module.root is not self.roots["lib"]:
            here = self.roots["lib"]
        else:
            here, rest, is_relative = module, path, True
        for at, name in enumerate(rest):
            found = self.member(here, name, seen, is_last=at + 1 == len(rest))
            if found is None and is_relative and at == 0:
                return None
            if not isinstance(found, Module):
                return found or (here.file, name)
            here = found
        return here

    def member(self, module, name, seen=frozenset(), is_last=True):
        """Returns what `module` has by this name: a child module, an item, or a re-export. A path can only end with an item."""
        if name in module.children and not (is_last and name in module.items):
            return module.children[name]
        if name in module.items:
            return module.file, name
        if (id(module), name) in seen:
            return None
        seen = seen | {(id(module), name)}
        for path, alias, _ in module.uses:
            if alias == name and (found := self.resolve(module, path, seen)):
                return found
        for path, alias, _ in module.uses:
            if alias == "*" and isinstance(source := self.resolve(module, path, seen), Module):
                if found := self.member(source, name, seen):
                    return found
        return None

    def collect_imports(self, module):
        """Records the imports of a module. The import of another module counts only for the names used from it."""
        for path, alias, public in module.uses:
            if alias != "*":
                if not public or module.words[alias]:
                    self.add_import(module, self.resolve(module, path))
            elif not public and isinstance(source := self.resolve(module, path), Module):
                for name in module.words:
                    self.add_import(module, self.member(source, name))
        for path in module.paths:
            self.add_import(module, self.resolve(module, path))

    def add_import(self, module, found):
        if found is not None and not isinstance(found, Module) and found[0] != module.file:
            file, name = found
            self.imports[self.short(module.file), self.short(file)].add(name)

    def short(self, file):
        return file.relative_to(self.source).as_posix()

    def files(self):
        return {self.short(module.file) for module in self.modules}

    def circles(self):
        """Returns the strongly connected components of more than two files (Tarjan's algorithm), the largest first."""
        targets = defaultdict(list)
        for source, target in self.imports:
            targets[source].append(target)
        index, low, stack, found = {}, {}, [], []

        def visit(file):
            index[file] = low[file] = len(index)
            stack.append(file)
            for target in targets[file]:
                if target not in index:
                    visit(target)
                if target in stack:
                    low[file] = min(low[file], low[target])
            if low[file] == index[file]:
                at = stack.index(file)
                found.append(stack[at:])
                del stack[at:]

        sys.setrecursionlimit(10_000)
        for file in sorted(self.files()):
            if file not in index:
                visit(file)
        return sorted((sorted(circle) for circle in found if len(circle) > 2), key=len, reverse=True)

    def upward(self, floors):
        """Returns the imports that neither stay within an entry nor point to a lower floor, and the files that are on no floor."""
        entries = {name: (height, entry) for height, floor in enumerate(floors) for entry in floor for name in entry.split()}

        def place(file):
            parts = re.sub(r"(/mod)?\.rs$", "", file).split("/")
            names = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
            return next((entries[name] for name in names if name in entries), None)

        places = {file: place(file) for file in self.files() - {"lib.rs"}}
        unplaced = sorted(file for file, where in places.items() if where is None)
        up = []
        for (source, target), names in sorted(self.imports.items()):
            here, there = places.get(source), places.get(target)
            if here and there and here != there and there[0] <= here[0]:
                up.append((source, target, names))
        return up, unplaced


def read_path(tokens, at):
    path = [tokens[at]]
    while at + 2 < len(tokens) and tokens[at + 1] == "::" and tokens[at + 2].isidentifier():
        at += 2
        path.append(tokens[at])
    return path, at + 1


def line(source, target, names):
    return f"  {source} -> {target} ({', '.join(sorted(names))})"


def complaints(crates):
    for name, crate in crates.items():
        up, unplaced = crate.upward(FLOORS[name]) if name in FLOORS else ([], [])
        if up:
            yield "\n".join([f"{name}: imports that do not point down (see the floors in tests/imports.py):", *(line(*each) for each in up)])
        if unplaced:
            yield f"{name}: on no floor of tests/imports.py: {', '.join(unplaced)}"
        for circle in crate.circles():
            inside = [line(*pair, names) for pair, names in sorted(crate.imports.items()) if {*pair} <= {*circle}]
            yield "\n".join([f"{name}: {len(circle)} files import each other in a circle:", *inside])


def summary(crates):
    for name, crate in crates.items():
        sizes = [len(circle) for circle in crate.circles()]
        up = len(crate.upward(FLOORS[name])[0]) if name in FLOORS else "-"
        yield f"{name}: {len(crate.files())} files, {len(crate.imports)} imports, circles of {sizes or 'none'}, {up} upward"


# Each case: a name, the files of a crate, its circles, and its upward imports.
SELF_TEST = [
    ("one points down", {"a": "use crate::b::B;", "b": "pub struct B;"}, [], []),
    ("one points up", {"a": "pub struct A;", "b": "fn f(_: crate::a::A) {}"}, [], ["b -> a"]),
    ("two files may import each other, but not up", {"a": "use crate::b::B; pub struct A;", "b": "use crate::a::A; pub struct B;"}, [], ["b -> a"]),
    (
        "three in a circle",
        {"a": "use crate::b::B; pub struct A;", "b": "use crate::c::C; pub struct B;", "c": "use super::a::A; pub struct C;"},
        [["a", "b", "c"]],
        ["c -> a"],
    ),
    (
        "a re-export is followed to the definition, and is not an import itself",
        {"a": "pub mod x; pub use x::X; pub use crate::b::B;", "a/x": "use super::B; pub struct X;", "b": "pub struct B;"},
        [],
        [],
    ),
    ("a re-export used by its own file is an import", {"a": "pub struct A;", "b": "pub use crate::a::A; fn f(_: A) {}"}, [], ["b -> a"]),
    ("an imported module counts only for the names used from it", {"a": "pub mod x;", "a/x": "pub fn f() {}", "b": "use crate::a::x; fn g() { x::f() }"}, [], ["b -> a/x"]),
    ("a tree with aliases", {"a": "pub struct A;", "b": "use crate::{a::{self, A as Other}, c::C};", "c": "pub struct C;"}, [], ["b -> a"]),
    ("a glob counts for the names that are used", {"a": "pub struct A; pub struct Unused;", "b": "use crate::a::*; fn f(_: A) {}"}, [], ["b -> a"]),
    ("a glob of which no name is used", {"a": "pub struct A;", "b": "use crate::a::*;"}, [], []),
    ("tests may import anything", {"a": "pub struct A;", "b": "#[cfg(test)] mod tests { use crate::a::A; }"}, [], []),
    ("so may tests in a separate file", {"a": "pub struct A;", "b": "#[cfg(test)]\nmod tests;", "b/tests": "use crate::a::A;"}, [], []),
    ("code outside test builds counts", {"a": "pub struct A;", "b": "#[cfg(not(test))] use crate::a::A;"}, [], ["b -> a"]),
    ("comments and strings import nothing", {"a": "pub struct A;", "b": "// crate::a::A\nconst B: &str = \"crate::a::A\";"}, [], []),
    ("lifetimes and characters do not hide what follows", {"a": "pub struct A;", "b": "fn f<'x>(c: &'x char) { if *c == '\"' {} } use crate::a::A;"}, [], ["b -> a"]),
    ("visibility is not an import", {"a": "pub struct A;", "b": "pub(in crate::b) struct B { pub(crate) c: u8 }"}, [], []),
    ("inline modules belong to their file", {"a": "pub struct A;", "b": "mod inner { use super::super::a::A; }"}, [], ["b -> a"]),
    ("a module and its child may import each other", {"a": "mod x; use x::X; pub struct A;", "a/x": "use super::A; pub struct X;", "b": ""}, [], []),
    ("modules of one entry may import each other", {"e": "use crate::f::F;", "f": "pub struct F;"}, [], []),
    ("neighbours on a floor do not import each other", {"c": "pub struct C;", "d": "use crate::c::C;"}, [], ["d -> c"]),
    ("macros are items", {"a": "macro_rules! m { () => {} } pub(crate) use m;", "b": "fn f() { crate::a::m!() }"}, [], ["b -> a"]),
]


def self_test():
    for what, files, circles, up in SELF_TEST:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "src"
            for name, text in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / f"{name}.rs").write_text(text)
            (source / "lib.rs").write_text("".join(f"mod {name};" for name in files if "/" not in name))
            crate = Crate(Path(folder))
            found = [[file.removesuffix(".rs") for file in circle] for circle in crate.circles()]
            assert found == circles, f"{what}: {found}"
            upward = crate.upward([["a"], ["b"], ["c", "d", "e f"]])[0]
            found = [f"{source.removesuffix('.rs')} -> {target.removesuffix('.rs')}" for source, target, _ in upward]
            assert found == up, f"{what}: {found}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    folders = sorted(folder for folder in (arguments.root / "crates").iterdir() if (folder / "src").is_dir())
    crates = {folder.name: Crate(folder) for folder in folders}
    found = list((summary if arguments.summary else complaints)(crates))
    print("\n".join(found))
    return int(bool(found) and not arguments.summary)


if __name__ == "__main__":
    sys.exit(main())
