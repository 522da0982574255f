"""The table of WASM runtimes: whole, with a source for each fact, and names that are found."""

from dataclasses import fields

import pytest

from components.model import names, quantity
from components.model.problem import UNKNOWN
from components.model.wasm_presets import CUSTOM, PRESETS, preset_of, problems


@pytest.mark.parametrize("name", PRESETS)
def test_every_fact_has_its_source(name: str) -> None:
    """No field of a preset stands there without saying where it is from, and no source is for nothing."""
    facts = {each.name for each in fields(PRESETS[name])} - {"name", "sources"}

    assert facts == set(PRESETS[name].sources)
    assert all(PRESETS[name].sources.values())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_one_that_a_cluster_takes(name: str) -> None:
    """Its handler is a DNS label, its overhead two quantities, and where exec works Linux containers do."""
    preset = PRESETS[name]

    assert name == preset.name
    assert [] == list(names.dns_label("handler", preset.handler or "any"))
    assert {"cpu", "memory"} == set(preset.overhead)
    assert all(quantity.parse(amount) > 0 for amount in preset.overhead.values())
    assert preset.beside or not preset.exec_beside
    assert (preset.http_port is None) == (not preset.port_variable)


def test_the_presets_are_those_of_the_docs() -> None:
    """Their names are part of the arguments, so none goes or comes unnoticed."""
    assert ["spin", "wasmtime", "wasmedge", "wasmer", "wamr", "crun-wasm", "crun", "custom"] == list(PRESETS)


def test_a_name_is_found() -> None:
    """None is custom, and what is unknown, or not known yet, is no preset."""
    assert CUSTOM is preset_of(None)
    assert PRESETS["spin"] is preset_of("spin")
    assert preset_of("spinn") is None
    assert preset_of(UNKNOWN) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [("wasmtme", "write 'wasmtime'"), ("zzz", "write one of spin, wasmtime"), ("", "write one of spin")],
)
def test_an_unknown_name_is_told_what_there_is(name: str, words: str) -> None:
    """The nearest name, or all of them."""
    (problem,) = problems("preset", name)

    assert ("preset", "own") == (problem.path, problem.rule)
    assert words in problem.remedy


def test_what_is_not_known_yet_is_left_alone() -> None:
    """A rule judges known values only."""
    assert [] == [*problems("preset", UNKNOWN), *problems("preset", None), *problems("preset", "wamr")]
