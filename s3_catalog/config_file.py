"""Reads a YAML configuration file into plain values that remember where they stood.

In: text and the environment. Out: nested dicts, lists and texts, the line of each, and everything that is wrong with them.
It does not know which settings there are: `Kind` tells it which of them may hold a secret only as `${VAR}`.

Scalars stay the text that was written (`00123` is not 123): the models that take them know their types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import parse_qsl, quote

import yaml

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")}
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_URL_WITH_USER = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>(?!/)(?:\$\{[^}]*\}|[^@])*)@(?P<rest>.*)", re.DOTALL)
_SECRET_NAME = re.compile(r"(secret|password|token|sas|_key)$", re.IGNORECASE)


class Kind(Enum):
    """What may stand in a value: anything, a secret (`${VAR}` alone), or a URL (whose password is a secret).

    A `WORD` is text of people's data: `""` is a value of its own, and in a list `null` and `~` are words like others.
    """

    PLAIN = auto()
    SECRET = auto()
    URL = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; None where the value came from elsewhere than the file."""

    path: KeyPath
    message: str
    line: int | None = None

    def describe(self, source: str) -> str:
        """Write the problem on one line, without the value."""
        where = source if self.line is None else f"{source}:{self.line}"
        return ": ".join(part for part in (where, format_path(self.path), self.message) if part)


@dataclass(slots=True)
class ConfigFile:
    """What a file says. A value with a problem is left as `UNREADABLE`, so that only one problem is reported for it."""

    values: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


UNREADABLE = "unreadable"


def format_path(path: KeyPath) -> str:
    """Write a path as people do.

    >>> format_path(("tables", 0, "path"))
    'tables[0].path'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def names_secret(name: str) -> bool:
    """Whether an option's name says that its value is a secret.

    >>> names_secret("account_key"), names_secret("access_key_id"), names_secret("google_application_credentials")
    (True, False, False)
    """
    return _SECRET_NAME.search(name) is not None


def read_config_text(text: str, environ: Mapping[str, str], kind_of: Callable[[KeyPath], Kind]) -> ConfigFile:
    """Read a YAML document. Whatever is wrong with it is in the answer's `problems`, nothing is raised."""
    file = ConfigFile()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        file.problems.append(_syntax_problem(error))
    except RecursionError:
        file.problems.append(Problem((), "nested too deeply"))
    else:
        if root is not None:
            file.values = _Reader(file, environ, kind_of).read(root, ())
    return file


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    # PyYAML quotes what it met, which may be a secret; single characters and token names are not.
    reason = re.sub(r"'(?!<)[^']{2,}'", "...", str(reason))
    return Problem((), f"not valid YAML: {reason}", None if mark is None else mark.line + 1)


@dataclass(slots=True)
class _Reader:
    """Turns YAML nodes into values. Each node may stand in one place only, so aliases cannot multiply or loop."""

    file: ConfigFile
    environ: Mapping[str, str]
    kind_of: Callable[[KeyPath], Kind]
    seen: set[int] = field(default_factory=set)

    def read(self, node: yaml.Node, path: KeyPath) -> object:
        self.file.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            return self.fail(path, "YAML aliases are not supported: write the value out")
        self.seen.add(id(node))
        if node.tag not in _TAGS:
            return self.fail(path, "YAML tags are not supported")
        if isinstance(node, yaml.MappingNode):
            return self.read_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        is_word = bool(path) and isinstance(path[-1], int) and bool(node.value) and self.kind_of(path) is Kind.WORD
        return None if node.tag == _TAG + "null" and not is_word else self.read_text(str(node.value), path)

    def read_mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            if key in values:
                self.file.problems.append(Problem(here, "stands here a second time", key_node.start_mark.line + 1))
                continue
            self.file.lines[here] = key_node.start_mark.line + 1
            values[key] = self.read(value_node, here)
        # "region:" with nothing behind it, or with an empty variable, is not given.
        return {key: value for key, value in values.items() if value or self.is_said(value, (*path, key))}

    def is_said(self, value: object, path: KeyPath) -> bool:
        return value is not None and (value != "" or self.kind_of(path) is Kind.WORD)

    def read_text(self, text: str, path: KeyPath) -> str:
        kind = self.kind_of(path)
        if kind is Kind.SECRET and _literal_text(text):
            return self.fail(path, "a secret cannot stand in the file: write ${VARIABLE} and set it in the environment")
        if kind is Kind.URL and _has_literal_password(text):
            return self.fail(path, "a password cannot stand in the file: write ${VARIABLE} in its place and set it in the environment")
        user = _URL_WITH_USER.fullmatch(text) if kind is Kind.URL else None
        if user is None:
            return self.substitute(text, path)
        encoded = self.substitute(user["user"], path, lambda value: quote(value, safe=""))
        return f"{user['scheme']}{encoded}@{self.substitute(user['rest'], path)}"

    def substitute(self, text: str, path: KeyPath, encode: Callable[[str], str] = str) -> str:
        """Put in the environment's values. What they hold is text, never YAML."""
        if "${" in _REFERENCE.sub("", text):
            return self.fail(path, "not a reference: write ${NAME} or ${NAME:-default}, and $${ for the characters themselves")
        names = [match["name"] for match in _REFERENCE.finditer(text) if match["name"] and match["default"] is None]
        unset = sorted({name for name in names if name not in self.environ})
        if unset:
            return self.fail(path, f"the environment variable {', '.join(unset)} is not set")
        return _REFERENCE.sub(lambda match: encode(self.value_of(match)) if match["name"] else "${", text)

    def value_of(self, match: re.Match[str]) -> str:
        # As in a shell, `:-` also stands in for a variable that is set to nothing.
        return self.environ.get(match["name"]) or match["default"] or ""

    def fail(self, path: KeyPath, message: str) -> str:
        self.file.problems.append(Problem(path, message, self.file.lines[path]))
        return UNREADABLE


def _literal_text(text: str) -> str:
    """What of a text does not come from the environment: a reference counts as nothing, its default as an `x`."""
    return _REFERENCE.sub(lambda match: "x" if match["default"] or not match["name"] else "", text)


def _has_literal_password(url: str) -> bool:
    match = _URL_WITH_USER.fullmatch(url)
    user, rest = (match["user"], match["rest"]) if match else ("", url)
    password = _literal_text(user).partition(":")[2]
    query = _literal_text(rest).partition("?")[2]
    return bool(password) or any(value and names_secret(name) for name, value in parse_qsl(query))
