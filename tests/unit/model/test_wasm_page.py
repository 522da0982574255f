"""The table of runtimes in docs/wasm.md, held against the presets."""

import re
from pathlib import Path

import pytest

from components.model.wasm_presets import PRESETS, Preset

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "wasm.md").read_text(encoding="utf-8")
NAMED = [name for name in PRESETS if name != "custom"]
FORMS = {"module": "modules", "component": "components", "spin": "Spin applications"}
IMAGES = {"image": "ordinary", "layers": "WASM layers", "artifact": "artifact"}
CODES = {"kept": "kept", "errors": "0 or 137", "lost": "lost"}
SIGNALS = {"ignored": "ignored", "components": "components heed it"}


def row(preset: Preset) -> list[str]:
    """Return what the page has to say of a preset, column by column."""
    beside = f"yes, {'with' if preset.exec_beside else 'without'} exec" if preset.beside else "no"
    return [
        f"`{preset.name}`",
        f"`{preset.handler}`",
        f"{preset.overhead['cpu']}, {preset.overhead['memory']}",
        ", ".join(FORMS[form] for form in preset.forms),
        beside,
        CODES[preset.exit_codes],
        SIGNALS[preset.signals],
        f"{preset.http_port}, `{preset.port_variable}`" if preset.http_port else "-",
        ", ".join(IMAGES[image] for image in preset.images),
    ]


@pytest.mark.parametrize("name", NAMED)
def test_the_page_says_what_the_presets_say(name: str) -> None:
    """Its one row of nine columns."""
    rows = [re.split(r" \| ", line.strip("| ")) for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]

    assert [row(PRESETS[name])] == rows


def test_the_page_says_the_architectures() -> None:
    """They are the same for all."""
    assert {("amd64", "arm64")} == {preset.architectures for preset in PRESETS.values()}
    assert "released for amd64 and arm64 on Linux" in PAGE
