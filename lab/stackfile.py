"""The stack's config file, `Pulumi.<stack>.yaml`: read it, and write it the way `pulumi config set` does.

What the official CLI does (3.259, its own code run on the cases in the unit test): a key without a colon
belongs to the project, a value from the command line is a string and is quoted where YAML would read
something else, a new key comes last, order and comments stay. It writes the whole file anew, and with that
the other plain numbers and booleans as strings, without blank lines, indented by two; so does this.
"""

import difflib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)
from ruamel.yaml.tokens import CommentToken

from lab.errors import RefusedError
from lab.files import write_atomically

# Texts that YAML 1.1 or 1.2 reads as something else than a string: the official CLI quotes them.
_OTHER = re.compile(
    r"""
      | ~ | null | Null | NULL
      | true | True | TRUE | false | False | FALSE
      | y | Y | yes | Yes | YES | on | On | ON | n | N | no | No | NO | off | Off | OFF
      | [-+]?(\.inf|\.Inf|\.INF) | \.nan | \.NaN | \.NAN
      | [-+]?[0-9][0-9_]*
      | [-+]?0x[0-9a-fA-F_]+ | [-+]?0o[0-7_]+ | [-+]?0b[01_]+
      | [-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?
      | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
      | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?
    """,
    re.VERBOSE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def stack_file(root: Path, stack: str) -> Path:
    """Return the path of the stack's config file."""
    return root / f"Pulumi.{stack}.yaml"


def full_key(key: str, project: str) -> str:
    """Return `key` with its namespace, by default the project's; `a:config:b` is the old form of `a:b`."""
    parts = key.split(":")
    if len(parts) == 1:
        parts = [project, key]
    if len(parts) == 3 and parts[1] == "config":
        parts = [parts[0], parts[2]]
    if len(parts) != 2 or not all(parts):
        raise RefusedError(f"config key {key!r}: write `name` or `namespace:name`.")
    return ":".join(parts)


def read_config(path: Path, project: str) -> dict[str, object]:
    """Return the file's config with full keys and plain values; empty where there is no file or no config."""
    document = _load(path)
    config = document.get("config") or {}
    return {full_key(str(key), project): value for key, value in config.items()}


def declared_keys(project_file: Path) -> set[str]:
    """Return the full keys that the project declares in the `config` block of its Pulumi.yaml."""
    document = _load(project_file)
    project = str(document.get("name", ""))
    return {full_key(str(key), project) for key in document.get("config") or {}}


def check_key(key: str, declared: set[str], project: str) -> str:
    """Return the full key; `RefusedError` names near matches where the project declares no such key.

    The engine's own namespace `pulumi:` is taken as it is.
    """
    wanted = full_key(key, project)
    if wanted in declared or wanted.startswith("pulumi:"):
        return wanted
    short = sorted(name.removeprefix(f"{project}:") for name in declared)
    folded = {name.lower(): name for name in short}
    near = [folded[name] for name in difflib.get_close_matches(wanted.split(":")[1].lower(), folded)]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known keys: {', '.join(short) or 'none'}."
    raise RefusedError(f"config key {key!r} is not declared in Pulumi.yaml, so nothing would read it. {hint}")


def set_value(path: Path, key: str, value: str, project: str) -> bool:
    """Set one config value, given as on a command line, and write the file; tell whether it changed.

    `key` is a full key. The file is made where it is missing. `RefusedError` where the file is no stack file.
    """
    before = path.read_bytes() if path.exists() else None
    document = _load(path)
    config = document.setdefault("config", CommentedMap())
    if config is None:
        config = document["config"] = CommentedMap()
    if not isinstance(config, CommentedMap):
        raise RefusedError(f"{path}: `config` has to be a mapping of keys to values.")
    if key in config:
        config[key] = _scalar(value, like=config[key])
    _as_strings(config)
    added = {full_key(str(name), project): config.pop(name) for name in _short_forms(config, project)}
    if key not in config:
        added[key] = _scalar(value)
    for name in sorted(added):
        _append(document, config, name, added[name])
    _tidy_comments(document)
    text = _dump(document)
    if before == text.encode():
        return False
    write_atomically(path, text)
    return True


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 2**20
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _load(path: Path) -> CommentedMap:
    try:
        document = _yaml().load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return CommentedMap()
    except (YAMLError, ValueError) as error:
        raise RefusedError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if document is None:
        return CommentedMap()
    if not isinstance(document, CommentedMap):
        raise RefusedError(f"{path}: a mapping is expected at the top of this file.")
    return document


def _dump(document: CommentedMap) -> str:
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _scalar(value: str, like: object = None) -> str:
    """Return `value` in the style in which the official CLI writes it; quotes that were there stay."""
    if isinstance(like, SingleQuotedScalarString | DoubleQuotedScalarString):
        styled: str = like.__class__(value)
    elif _UNPRINTABLE.search(value) or _OTHER.fullmatch(value):
        styled = DoubleQuotedScalarString(value)
    else:
        styled = LiteralScalarString(value) if "\n" in value else value
    return styled


def _as_strings(config: CommentedMap) -> None:
    """Make plain numbers, booleans and nulls the strings that the official CLI makes of them."""
    for key, value in config.items():
        if value is None:
            config[key] = DoubleQuotedScalarString("")
        elif isinstance(value, bool | ScalarBoolean):
            config[key] = DoubleQuotedScalarString("true" if value else "false")
        elif isinstance(value, int):
            config[key] = DoubleQuotedScalarString(str(int(value)))
        elif isinstance(value, float):
            config[key] = DoubleQuotedScalarString(f"{float(value):g}")


def _short_forms(config: CommentedMap, project: str) -> list[str]:
    """Return the keys that are written without namespace or in the old form: they are written in full."""
    return [key for key in config if full_key(str(key), project) != key]


def _append(document: CommentedMap, config: CommentedMap, key: str, value: object) -> None:
    """Add a key at the end of the config, but before a comment at the left margin that closes the file."""
    closing = ""
    if config and next(reversed(document)) == "config":
        token = config.ca.items.get(next(reversed(config)), [None] * 3)[2]
        margin = re.search(r"(?<=\n)#", token.value) if token is not None else None
        if margin:
            before = token.value[: margin.start()]
            closing = ("\n\n" if before.endswith("\n\n") else "\n") + token.value[margin.start() :]
            token.value = before
    config[key] = _scalar(value) if isinstance(value, str) else value
    if closing:
        config.ca.items[key] = [None, None, CommentToken(closing, CommentMark(0)), None]


def _tidy_comments(document: CommentedMap) -> None:
    """Drop blank lines that follow no comment, and the columns that comments were aligned to."""
    for token in _comments(document):
        token.value = re.sub(r"\A\n+\Z", "\n", re.sub(r"\n(\s*\n)+", "\n\n", token.value))
        token.start_mark = CommentMark(0)  # type: ignore[assignment]  # ruamel sets the column this way itself


def _comments(node: object) -> Iterator[CommentToken]:
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _comments(value)
    elif isinstance(node, list):
        for value in node:
            yield from _comments(value)
    attributes = getattr(node, "ca", None)
    if attributes is not None:
        for slots in attributes.items.values():
            yield from (token for token in slots if isinstance(token, CommentToken))
