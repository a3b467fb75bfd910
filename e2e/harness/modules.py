"""Which file of a Rust crate names which, as its `use` and its paths say."""

import pathlib
import re

#: A `use` or a `mod` with nothing behind it, whatever its visibility.
DECLARED = re.compile(r"\b(?:pub(?:\([\w ]+\))? )?(?:use|mod) [^;{]+(?:\{[^;]*)?;")
USED = re.compile(r"\b(pub(?:\([\w ]+\))? )?use ([^;]+);")
PATH = re.compile(r"(?<![\w:])((?:crate|super|self)(?:::\w+)+|[a-z_]\w*(?:::\w+)+)")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?(?:mod \w+ \{.*?\n\}\n|(?:use|mod) [^;{]*;)", re.DOTALL)
TEXT = re.compile(r'r#".*?"#|"(?:\\.|[^"\\])*"', re.DOTALL)
#: Folders and files that are compiled for tests only.
FOR_TESTS = {"tests", "fixtures", "scripted"}


def paths(tree, before=()):
    """Each path of a `use`, and the name that it gets."""
    head, brace, inner = tree.strip().partition("{")
    if not brace:
        path, _, name = head.partition(" as ")
        parts = (*before, *(part.strip() for part in path.split("::")))
        parts = parts[:-1] if parts[-1] == "self" else parts
        yield parts, name.strip() or parts[-1]
        return
    before = (*before, *(part for part in head.strip().split("::") if part))
    depth = start = 0
    inner = inner[: inner.rindex("}")] + ","
    for at, character in enumerate(inner):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            if inner[start:at].strip():
                yield from paths(inner[start:at], before)
            start = at + 1


class Crate:
    """The modules of a crate by their paths, each with its file and its text without tests, comments and texts."""

    def __init__(self, source: pathlib.Path):
        self.files, self.texts, self.exported = {}, {}, {}
        root = "lib.rs" if (source / "lib.rs").exists() else "main.rs"
        for path in sorted(source.rglob("*.rs")):
            name = path.relative_to(source)
            module = () if name.as_posix() == root else name.with_suffix("").parts
            if FOR_TESTS & set(module):
                continue
            text = TESTS.sub("", re.sub(r"//.*", "", path.read_text()))
            self.files[module], self.texts[module] = name.as_posix(), TEXT.sub('""', text)
        for module, text in self.texts.items():
            for public, tree in USED.findall(text):
                for path, name in paths(tree) if public else ():
                    self.exported[(*module, name)] = self.absolute(module, path)

    def absolute(self, module, path):
        """A path of a module, from the root of the crate; `None` if it leads out of it."""
        if path[0] == "crate":
            return path[1:]
        if path[0] == "self":
            return module + path[1:]
        ups = next((at for at, part in enumerate(path) if part != "super"), len(path))
        if ups:
            return module[: len(module) - ups] + path[ups:]
        return module + path if (*module, path[0]) in self.files else None

    def defines(self, path):
        """The module that a path leads to, through what others only hand on."""
        if path is None:
            return None
        module = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in self.files)
        rest = path[len(module) :]
        if rest and (*module, rest[0]) in self.exported:
            handed_on = self.exported[(*module, rest[0])]
            return handed_on and self.defines(handed_on + rest[1:])
        return module

    def names(self):
        """Of each module, the modules that it names. What it only hands on, with `pub use`, it does not name."""
        found = {}
        for module, text in self.texts.items():
            body = DECLARED.sub("", text)
            named = [self.absolute(module, tuple(path.split("::"))) for path in PATH.findall(body)]
            for public, tree in USED.findall(text):
                for path, name in paths(tree):
                    if not public or re.search(rf"\b{re.escape(name)}\b", body):
                        absolute = self.absolute(module, path)
                        named.append(absolute[:-1] if absolute and path[-1] == "*" else absolute)
            found[module] = {self.defines(path) for path in named} - {None, module}
        return found

    def circles(self):
        """The files that name each other, directly or through others: a list for each circle."""
        names = self.names()
        reached = {module: reach(names, module) for module in names}
        circles = {frozenset(other for other in reached[m] if m in reached[other]) for m in names if m in reached[m]}
        return sorted(sorted(self.files[module] for module in circle) for circle in circles)


class Workspace:
    """Crates by their names, and which of their files a program is made of."""

    def __init__(self, folders):
        self.crates = {name: Crate(folder / "src") for name, folder in folders.items()}
        self.names = {}
        for name, crate in self.crates.items():
            of_crate = crate.names()
            for module, text in crate.texts.items():
                here = {(name, other) for other in of_crate[module]}
                self.names[name, module] = here | set(self.elsewhere(text))

    def elsewhere(self, text):
        """The modules of other crates that a text names."""
        imported = {name: path for _, tree in USED.findall(text) for path, name in paths(tree)}
        within = (tuple(path.split("::")) for path in PATH.findall(DECLARED.sub("", text)))
        for path in [*imported.values(), *((*imported.get(path[0], path[:1]), *path[1:]) for path in within)]:
            crate = path[0].removeprefix("portcullis_").replace("_", "-")
            if path[0].startswith("portcullis_") and path[1:] and crate in self.crates:
                module = self.crates[crate].defines(path[1:])
                if module is not None:
                    yield crate, module

    def used(self, program):
        """The files that a program names, directly or through others, and its own: crate and module of each."""
        own = {(program, module) for module in self.crates[program].files}
        return own.union(*(reach(self.names, module) for module in own))


def reach(names, start):
    """Everything that a module names, directly or through others."""
    found, ahead = set(), [start]
    while ahead:
        for other in names[ahead.pop()] - found:
            found.add(other)
            ahead.append(other)
    return found
