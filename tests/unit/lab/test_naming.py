"""Names of stacks, namespaces and cluster instances."""

from pathlib import Path

import pytest

from lab.errors import RefusedError
from lab.naming import check_stack, instance_of, namespace_of


@pytest.mark.parametrize("stack", ["dev", "eks", "a", "team-1", "x" * 43])
def test_good_stack_names_pass(stack: str) -> None:
    """What Pulumi takes and a namespace can carry is taken."""
    assert stack == check_stack(stack)


@pytest.mark.parametrize(
    "stack", ["", "a/b", "..", "-a", "a b", "a;b", "Dev", "a_b", "a.b", "a-", "x" * 44, "x" * 101, "ä", "a\n"]
)
def test_bad_stack_names_are_refused(stack: str) -> None:
    """A name that would leave the folder, or make no namespace, is refused in words."""
    with pytest.raises(RefusedError, match="stack"):
        check_stack(stack)


def test_namespace_follows_the_stack() -> None:
    """The namespace is the project's name and the stack's."""
    assert "kubernetes-emerging-blue" == namespace_of("blue")


def test_instances_of_clones_and_stacks_differ_and_stay(tmp_path: Path) -> None:
    """Each clone and each stack has a cluster of its own, always the same one."""
    one, two = tmp_path / "one", tmp_path / "two"
    names = {instance_of(folder, stack) for folder in (one, two) for stack in ("dev", "blue")}

    assert 4 == len(names)
    assert instance_of(one, "dev") == instance_of(one, "dev")


def test_instance_of_a_link_is_the_folders(tmp_path: Path) -> None:
    """A project reached through a link is the same project."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert instance_of(tmp_path / "real", "dev") == instance_of(tmp_path / "link", "dev")


def test_long_stack_names_differ_though_they_are_cut() -> None:
    """The part that is cut off is in the hash."""
    names = {instance_of(Path("/p"), "x" * 30 + end) for end in "ab"}

    assert 2 == len(names)
    assert all(len(name) == 27 for name in names)
