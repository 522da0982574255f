"""How resources are called, and were called."""

from dataclasses import replace

import pytest

from lab.engine.model import Alias, Goal, forgotten, renamed
from lab.engine.naming import Naming

PREFIX = "urn:pulumi:dev::demo::"
STACK_URN = f"{PREFIX}pulumi:pulumi:Stack::demo-dev"
CHILD = Goal("a:b:Child", "app-child", f"{PREFIX}a:b:Group::app", True, {}, [], {})
GROUP = Goal("a:b:Group", "app", STACK_URN, False, {}, [], {})


def test_urns() -> None:
    """A URN has the types of its parents, but for the stack."""
    naming = Naming(PREFIX)
    assert f"{PREFIX}a:b:Group::app" == naming.urn(GROUP)
    assert f"{PREFIX}a:b:Group$a:b:Child::app-child" == naming.urn(CHILD)


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (Alias(name="old"), "urn:pulumi:dev::demo::a:b:Group$a:b:Child::old"),
        (Alias(type="a:b:Old"), "urn:pulumi:dev::demo::a:b:Group$a:b:Old::app-child"),
        (Alias(parent=""), "urn:pulumi:dev::demo::a:b:Child::app-child"),
        (Alias(parent=f"{PREFIX}x:y:Z::z"), "urn:pulumi:dev::demo::x:y:Z$a:b:Child::app-child"),
        (Alias(stack="prod", project="other"), "urn:pulumi:prod::other::a:b:Group$a:b:Child::app-child"),
        (Alias(urn="urn:any"), "urn:any"),
    ],
)
def test_aliases(alias: Alias, expected: str) -> None:
    """An alias is as now in all that it does not say."""
    naming = Naming(PREFIX)
    assert [expected] == naming.aliases(naming.urn(CHILD), replace(CHILD, aliases=[alias]))


def test_an_alias_that_says_nothing_new_is_none() -> None:
    """The SDK sends many that match the resource itself."""
    naming = Naming(PREFIX)
    assert [] == naming.aliases(naming.urn(CHILD), replace(CHILD, aliases=[Alias(type="a:b:Child")]))


def test_children_inherit_aliases() -> None:
    """With the parent's old type and name, and a name of their own that began with the parent's."""
    naming = Naming(PREFIX)
    naming.aliases(naming.urn(GROUP), replace(GROUP, aliases=[Alias(name="was"), Alias(type="a:b:Was")]))
    assert [
        f"{PREFIX}a:b:Group$a:b:Child::other",
        f"{PREFIX}a:b:Group$a:b:Child::was-child",
        f"{PREFIX}a:b:Was$a:b:Child::app-child",
        f"{PREFIX}a:b:Was$a:b:Child::other",
    ] == naming.aliases(naming.urn(CHILD), replace(CHILD, aliases=[Alias(name="other")]))


def test_a_grandchild_inherits_too() -> None:
    """Aliases go down through a parent that has none of its own."""
    naming = Naming(PREFIX)
    naming.aliases(naming.urn(GROUP), replace(GROUP, aliases=[Alias(type="a:b:Was")]))
    naming.aliases(naming.urn(CHILD), CHILD)
    grandchild = Goal("k:v:Pod", "pod", naming.urn(CHILD), True, {}, [], {})
    found = naming.aliases(naming.urn(grandchild), grandchild)
    assert [f"{PREFIX}a:b:Was$a:b:Child$k:v:Pod::pod"] == found


RESOURCE = {
    "urn": "c",
    "parent": "a",
    "dependencies": ["a", "b"],
    "propertyDependencies": {"x": ["a"], "y": []},
    "provider": "a::id",
}


def test_what_refers_to_a_renamed_resource_follows() -> None:
    """Parent, dependencies and provider; a resource that does not refer to it is the same object."""
    assert {
        "urn": "c",
        "parent": "new",
        "dependencies": ["b", "new"],
        "propertyDependencies": {"x": ["new"], "y": []},
        "provider": "new::id",
    } == renamed(RESOURCE, "a", "new")
    assert RESOURCE is renamed(RESOURCE, "z", "new")


def test_what_depended_on_what_is_gone() -> None:
    """Dependencies go; parent and provider stay."""
    assert {**RESOURCE, "dependencies": ["b"], "propertyDependencies": {"x": [], "y": []}} == forgotten(RESOURCE, "a")
    assert RESOURCE is forgotten(RESOURCE, "z")
