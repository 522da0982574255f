"""`set` against what the official CLI writes.

Every expected text is what the official CLI's own code (3.259) wrote for the same file, key and value.
"""

import threading
from pathlib import Path

import pytest

from lab.errors import RefusedError
from lab.stackfile import check_key, declared_keys, full_key, read_config, set_value

PROJECT = "kubernetes-emerging"
KEY = f"{PROJECT}:k"

# value on the command line -> how it stands in the file
SCALARS = [
    ("200m", "200m"),
    ("128Mi", "128Mi"),
    ("auto", "auto"),
    ("localhost/nginx:1.26", "localhost/nginx:1.26"),
    ("1.2.3", "1.2.3"),
    ("/path/to kube config", "/path/to kube config"),
    ("~/.kube/config", "~/.kube/config"),
    ("a:b", "a:b"),
    ("a,b", "a,b"),
    ("a#b", "a#b"),
    ("-a", "-a"),
    ("a\\b", "a\\b"),
    ("it's", "it's"),
    ("é", "é"),
    ("80:80", "80:80"),
    ("_1", "_1"),
    ("1e", "1e"),
    ("0x", "0x"),
    ("NaN", "NaN"),
    ("x" * 200, "x" * 200),
    # numbers, booleans, nulls and dates would come back as something else without quotes
    ("3", '"3"'),
    ("0", '"0"'),
    ("-0", '"-0"'),
    ("+1", '"+1"'),
    ("007", '"007"'),
    ("08", '"08"'),
    ("0x1F", '"0x1F"'),
    ("0o17", '"0o17"'),
    ("0b1", '"0b1"'),
    ("1_000", '"1_000"'),
    ("1_", '"1_"'),
    ("3.5", '"3.5"'),
    (".5", '".5"'),
    ("0.", '"0."'),
    ("1e3", '"1e3"'),
    ("12e03", '"12e03"'),
    ("1:30", '"1:30"'),
    ("190:20:30.15", '"190:20:30.15"'),
    (".inf", '".inf"'),
    ("-.inf", '"-.inf"'),
    (".nan", '".nan"'),
    ("true", '"true"'),
    ("True", '"True"'),
    ("yes", '"yes"'),
    ("No", '"No"'),
    ("on", '"on"'),
    ("OFF", '"OFF"'),
    ("y", '"y"'),
    ("N", '"N"'),
    ("null", '"null"'),
    ("Null", '"Null"'),
    ("~", '"~"'),
    ("", '""'),
    ("2026-01-02", '"2026-01-02"'),
    ("2026-01-02T03:04:05Z", '"2026-01-02T03:04:05Z"'),
    ("tab\tx", '"tab\\tx"'),
    ("a\r\nb", '"a\\r\\nb"'),
    # what YAML reads as structure
    ("*foo", "'*foo'"),
    ("&a", "'&a'"),
    ("!x", "'!x'"),
    ("%x", "'%x'"),
    ("@x", "'@x'"),
    ("`x", "'`x'"),
    ("- a", "'- a'"),
    ("-", "'-'"),
    ("? a", "'? a'"),
    ("a: b", "'a: b'"),
    ("a:", "'a:'"),
    ("a #b", "'a #b'"),
    ("#b", "'#b'"),
    (" lead", "' lead'"),
    ("trail ", "'trail '"),
    ("[1]", "'[1]'"),
    ("{a: 1}", "'{a: 1}'"),
    ('"q"', "'\"q\"'"),
    ("---", "'---'"),
    ("...", "'...'"),
    ("| x", "'| x'"),
    (">", "'>'"),
    # several lines
    ("a\nb", "|-\n    a\n    b"),
    ("a\n", "|\n    a"),
]

FULL = """\
# my stack
encryptionsalt: v1:abc=
config:
  # the cluster
  kubernetes-emerging:cluster: auto   # chosen by the lab
  kubernetes-emerging:replicas: 2

  kubernetes-emerging:inplaceCpu: "100m"
  kubernetes-emerging:img: 'nginx'
  aws:region: us-west-2
# end
"""


def full(**changed: str) -> str:
    """Return FULL as the official CLI writes it, with some lines changed; `added` comes last in the config."""
    lines = {
        "cluster": "kubernetes-emerging:cluster: auto",
        "replicas": 'kubernetes-emerging:replicas: "2"',
        "cpu": 'kubernetes-emerging:inplaceCpu: "100m"',
        "img": "kubernetes-emerging:img: 'nginx'",
        "region": "aws:region: us-west-2",
    } | changed
    lines["cluster"] += " # chosen by the lab"
    body = "".join(f"  {line}\n" for line in lines.values())
    return f"# my stack\nencryptionsalt: v1:abc=\nconfig:\n  # the cluster\n{body}# end\n"


FILES = [
    pytest.param(FULL, "replicas", "5", full(replicas='kubernetes-emerging:replicas: "5"'), id="number"),
    pytest.param(
        FULL, "inplaceCpu", "200m", full(cpu='kubernetes-emerging:inplaceCpu: "200m"'), id="double quotes stay"
    ),
    pytest.param(FULL, "img", "x", full(img="kubernetes-emerging:img: 'x'"), id="single quotes stay"),
    pytest.param(FULL, "img", "3", full(img="kubernetes-emerging:img: '3'"), id="single quotes will do"),
    pytest.param(FULL, "cluster", "kind", full(cluster="kubernetes-emerging:cluster: kind"), id="comment stays"),
    pytest.param(FULL, "cluster", "true", full(cluster='kubernetes-emerging:cluster: "true"'), id="boolean"),
    pytest.param(FULL, "zz", "new", full(added="kubernetes-emerging:zz: new"), id="new key comes last"),
    pytest.param(FULL, "aws:region", "eu", full(region="aws:region: eu"), id="namespace"),
    pytest.param(FULL, "aws:config:region", "eu", full(region="aws:region: eu"), id="old form of a key"),
    pytest.param("", "k", "a", f"config:\n  {KEY}: a\n", id="empty file"),
    pytest.param("# only a comment\n", "k", "a", f"config:\n  {KEY}: a\n", id="comment only"),
    pytest.param("config:\n", "k", "a", f"config:\n  {KEY}: a\n", id="empty config"),
    pytest.param(
        f"config:\n    k: 1\n    {PROJECT}:b: 2\n",
        "k",
        "a",
        f'config:\n  {PROJECT}:b: "2"\n  {KEY}: a\n',
        id="short key",
    ),
    pytest.param(f"config:\n  {PROJECT}:config:b: 1\n", "b", "a", f"config:\n  {PROJECT}:b: a\n", id="old key in file"),
    pytest.param(
        "config:\n  b: yes\n", "c", "a", f'config:\n  {PROJECT}:b: "yes"\n  {PROJECT}:c: a\n', id="short key, not set"
    ),
    pytest.param(
        f"config:\n    {PROJECT}:b: x\n    {PROJECT}:l: [1]\n    {PROJECT}:o:\n        a: 1\n        b:\n        - x\n",
        "k",
        "a",
        f"config:\n  {PROJECT}:b: x\n  {PROJECT}:l: [1]\n  {PROJECT}:o:\n    a: 1\n    b:\n      - x\n  {KEY}: a\n",
        id="lists and objects stay",
    ),
    pytest.param(f"config:\n  {KEY}:\n    secure: xyz\n", "k", "a", f"config:\n  {KEY}: a\n", id="over a secret"),
    pytest.param(f"config:\n  {KEY}: [1, 2]\n", "k", "a", f"config:\n  {KEY}: a\n", id="over a list"),
    pytest.param(
        f"config:\n  {KEY}: |\n    folded\n    text\n", "k", "x", f"config:\n  {KEY}: |-\n    x\n", id="literal stays"
    ),
    pytest.param(
        f"config:\n  {PROJECT}:b: 2", "c", "a", f'config:\n  {PROJECT}:b: "2"\n  {PROJECT}:c: a\n', id="no last newline"
    ),
    pytest.param(
        f"\ufeffconfig:\n  {PROJECT}:b: 2\n", "c", "a", f'config:\n  {PROJECT}:b: "2"\n  {PROJECT}:c: a\n', id="BOM"
    ),
    pytest.param(
        f"environment:\n  - e1\nconfig:\n  {PROJECT}:b: x\n",
        "c",
        "a",
        f"environment:\n  - e1\nconfig:\n  {PROJECT}:b: x\n  {PROJECT}:c: a\n",
        id="environment stays",
    ),
    pytest.param(
        f"---\n# head\nconfig:\n  {PROJECT}:b: 2 # c\n  # tail\n\n\n# foot\n",
        "c",
        "a",
        f'# head\nconfig:\n  {PROJECT}:b: "2" # c\n  # tail\n\n  {PROJECT}:c: a\n\n# foot\n',
        id="comments all around",
    ),
    pytest.param(
        f"config:\n  {PROJECT}:b: yes\n  {PROJECT}:e: 0o17\n  {PROJECT}:f: 1.50\n",
        "c",
        "a",
        f'config:\n  {PROJECT}:b: yes\n  {PROJECT}:e: "15"\n  {PROJECT}:f: "1.5"\n  {PROJECT}:c: a\n',
        id="other numbers",
    ),
    pytest.param(
        f"config:\n  '{PROJECT}:b': x\n  \"{KEY}\": z\n",
        "k",
        "a",
        f"config:\n  '{PROJECT}:b': x\n  \"{KEY}\": a\n",
        id="keys",
    ),
    pytest.param(
        f"config:\n  {KEY}:\n  {PROJECT}:n: ~\n", "k", "a", f'config:\n  {KEY}: a\n  {PROJECT}:n: ""\n', id="nulls"
    ),
    pytest.param(f"config:\n  {KEY}: # the note\n    b\n", "k", "a", f"config:\n  {KEY}: a # the note\n", id="note"),
]


def set_in(path: Path, key: str, value: str) -> str:
    """Set a value as the launcher does, and return the file's new text."""
    set_value(path, full_key(key, PROJECT), value, PROJECT)
    return path.read_text()


@pytest.mark.parametrize(("value", "written"), SCALARS)
def test_value_is_written_as_the_official_cli_writes_it(tmp_path: Path, value: str, written: str) -> None:
    """A missing file is made, and every value is a string, quoted where it must be."""
    assert f"config:\n  {KEY}: {written}\n" == set_in(tmp_path / "Pulumi.dev.yaml", "k", value)


@pytest.mark.parametrize("value", [value for value, _ in SCALARS])
def test_value_is_read_back_as_the_same_string(tmp_path: Path, value: str) -> None:
    """What was set is what the program gets."""
    path = tmp_path / "Pulumi.dev.yaml"
    set_in(path, "k", value)

    assert {KEY: value} == read_config(path, PROJECT)


@pytest.mark.parametrize(("before", "key", "value", "after"), FILES)
def test_file_is_edited_as_the_official_cli_edits_it(
    tmp_path: Path, before: str, key: str, value: str, after: str
) -> None:
    """Order, comments, quotes and everything outside the key are as the official CLI leaves them."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(before)

    assert after == set_in(path, key, value)


@pytest.mark.parametrize(("before", "key", "value", "after"), FILES)
def test_setting_twice_changes_nothing(tmp_path: Path, before: str, key: str, value: str, after: str) -> None:
    """The second time the file is as it was, and `set_value` says so."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(before)
    set_in(path, key, value)
    stamp = path.stat().st_mtime_ns

    assert not set_value(path, full_key(key, PROJECT), value, PROJECT)
    assert (after, stamp) == (path.read_text(), path.stat().st_mtime_ns)


@pytest.mark.parametrize(
    "text", ["config: [1]\n", "{\n", "- a\n", f"config:\n  {KEY}: 1\n  {KEY}: 2\n", "config: x\n", "a: \x00\n"]
)
def test_file_that_is_no_stack_file_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    """The message names the file; nothing is written."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text)

    with pytest.raises(RefusedError, match=r"Pulumi\.dev\.yaml"):
        set_value(path, KEY, "a", PROJECT)

    assert text == path.read_text()


@pytest.mark.parametrize("key", ["", ":", "a:", ":a", "a:b:c", "a:b:c:d"])
def test_key_that_is_none_is_refused(key: str) -> None:
    """A key is a name, with or without a namespace."""
    with pytest.raises(RefusedError, match="config key"):
        full_key(key, PROJECT)


def test_file_keeps_its_mode_and_may_be_a_link(tmp_path: Path) -> None:
    """An edit changes the text only."""
    real, link = tmp_path / "real.yaml", tmp_path / "Pulumi.dev.yaml"
    real.write_text("config: {}\n")
    real.chmod(0o640)
    link.symlink_to(real)

    set_in(link, "k", "a")

    assert link.is_symlink()
    assert 0o640 == real.stat().st_mode & 0o777
    assert {KEY: "a"} == read_config(real, PROJECT)


def test_reader_beside_a_writer_meets_a_whole_file(tmp_path: Path) -> None:
    """The file is moved into its place, never written in it."""
    path = tmp_path / "Pulumi.dev.yaml"
    set_in(path, "k", "0")
    writer = threading.Thread(target=lambda: [set_in(path, "k", "x" * n) for n in range(1, 60)])
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append(path.read_text())
    writer.join()

    assert seen
    assert all(text.startswith("config:\n") and text.endswith("\n") for text in seen)
    assert [path] == list(tmp_path.iterdir())


PROJECT_FILE = """\
name: kubernetes-emerging
config:
  replicas: {type: integer, default: 2}
  inplaceCpu: {type: string, default: 100m}
  inplaceMemory: {type: string, default: 128Mi}
  aws:region: eu-west-1
"""


@pytest.fixture
def declared(tmp_path: Path) -> set[str]:
    """Return the keys that a project file declares."""
    path = tmp_path / "Pulumi.yaml"
    path.write_text(PROJECT_FILE)
    return declared_keys(path)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("replicas", f"{PROJECT}:replicas"),
        (f"{PROJECT}:inplaceCpu", f"{PROJECT}:inplaceCpu"),
        ("aws:region", "aws:region"),
        ("pulumi:tags", "pulumi:tags"),
    ],
)
def test_declared_keys_pass(declared: set[str], key: str, expected: str) -> None:
    """Keys of the project file pass, and so do the engine's own."""
    assert expected == check_key(key, declared, PROJECT)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("replcas", "Did you mean replicas"),
        ("inplacecpu", "Did you mean inplaceCpu"),
        ("kubernetes-emergin:replicas", "Did you mean"),
        ("zzz", "Known keys: aws:region, inplaceCpu, inplaceMemory, replicas"),
    ],
)
def test_unknown_key_is_refused_with_what_was_perhaps_meant(declared: set[str], key: str, hint: str) -> None:
    """Nothing reads an undeclared key, so it is a mistake: near names are offered."""
    with pytest.raises(RefusedError, match=hint):
        check_key(key, declared, PROJECT)


def test_every_key_of_this_project_can_be_set() -> None:
    """The real project file is read, whatever it declares."""
    from lab.paths import project_root

    assert all(":" in key for key in declared_keys(project_root() / "Pulumi.yaml"))
