"""Property paths."""

import pytest

from lab.engine import paths


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.containers[0].env", ("spec", "containers", 0, "env")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        ("data[*]", ("data", "*")),
    ],
)
def test_parse(text: str, path: paths.Path) -> None:
    """Keys, indexes, quoted keys and the wildcard are told apart."""
    assert path == paths.parse(text)


def test_show_is_the_inverse() -> None:
    """A path that is shown parses to itself, with a key that has to be quoted."""
    path = ("metadata", "annotations", 'a."b"', 3)
    assert path == paths.parse(paths.show(path))


def test_malformed_path_is_named() -> None:
    """A path that cannot be read is an error that shows it."""
    with pytest.raises(ValueError, match=r"spec\[x"):
        paths.parse("spec[x")
