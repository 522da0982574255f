"""Where the lab writes."""

from pathlib import Path

import pytest

from lab import paths


def test_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An absolute XDG_CACHE_HOME is used."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert tmp_path / "kubernetes-emerging" == paths.cache_root()


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_cache_is_in_home_without_a_usable_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    """An empty or relative XDG_CACHE_HOME is ignored, as the XDG rules say."""
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert tmp_path / ".cache" / "kubernetes-emerging" == paths.cache_root()


def test_project_root_holds_the_project_file() -> None:
    """The root is the folder with Pulumi.yaml."""
    assert (paths.project_root() / "Pulumi.yaml").is_file()


def test_stack_folder_is_in_the_project(tmp_path: Path) -> None:
    """Each stack has its folder in `.lab/`."""
    assert tmp_path / ".lab" / "dev" == paths.stack_dir("dev", tmp_path)
    assert paths.project_root() / ".lab" / "dev" == paths.stack_dir("dev")
