"""Presets: legal, unambiguous, and close to what the names alone tell."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.columns import bare, guess_target, is_path, suggest
from app.domain.exported import Preset
from app.domain.presets import PRESETS

SYSTEMS = ("salesforce", "hubspot", "zoho", "dynamics", "pipedrive", "fxiaoke", "wukong")
MAIN = {"name", "given_name", "family_name", "job_title", "email", "phone", "company", "domain", "industry"}
MAIN |= {"employees", "number", "at", "sku", "description", "quantity", "unit_price", "customer", "country"}
RETAIL = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
OPPORTUNITIES = {"salesforce-opportunities", "hubspot-deals", "pipedrive-deals"}
EACH = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)


def test_each_system_has_its_contacts_and_companies():
    assert (
        set(PRESETS)
        == {f"{system}-{noun}" for system in SYSTEMS for noun in ("contacts", "companies")}
        | {"transaction-lines", "maven-opportunities"}
        | OPPORTUNITIES
    )


@EACH
def test_every_column_goes_to_a_legal_path(preset: Preset):
    assert [path for path in preset.columns.values() if not is_path(preset.target, path)] == []


@EACH
def test_no_label_is_two_things(preset: Preset):
    paths: dict[str, set[str]] = {}
    for label, path in preset.columns.items():
        paths.setdefault(bare(label), set()).add(path)
    assert {label: found for label, found in paths.items() if len(found) > 1} == {}


@EACH
def test_record_ids_are_those_of_the_system(preset: Preset):
    ids = {path.partition("external:")[2] for path in preset.columns.values() if "external:" in path}
    assert ids <= {preset.system}
    assert is_path("contact", f"external:{preset.system}")


@EACH
def test_it_says_in_a_sentence_what_is_left_out(preset: Preset):
    assert re.fullmatch(r"[A-Z][^.]+\.", preset.note)
    assert preset.title
    assert preset.title_zh


@EACH
def test_both_languages_are_known_where_the_product_has_them(preset: Preset):
    chinese = any("\u4e00" <= char <= "\u9fff" for label in preset.columns for char in label)
    assert chinese == (preset.system not in {"pipedrive", "online_retail", "maven"})


def _head(path: str) -> str:
    """Emails and phones may differ by their label and their number."""
    return re.split(r"[:.#]", path)[0]


@EACH
@pytest.mark.parametrize("chinese", [False, True], ids=["english", "chinese"])
def test_the_main_columns_are_told_from_their_names_alone(preset: Preset, chinese: bool):
    first: dict[str, str] = {}
    for label, path in preset.columns.items():
        said = any("\u4e00" <= char <= "\u9fff" for char in label) == chinese
        if said and _head(path) in MAIN and "external:" not in path:
            first.setdefault(path, label)
    told = suggest(preset.target, list(first.values()), {})
    assert {label: _head(told.get(label, "")) for label in first.values()} == {
        label: _head(path) for path, label in first.items()
    }


@EACH
def test_its_file_is_guessed_as_its_target(preset: Preset):
    assert guess_target(list(preset.mapping(list(preset.columns)))) == preset.target


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_mapping_holds_only_columns_of_the_file_and_no_path_twice(data: st.DataObject):
    preset = data.draw(st.sampled_from(list(PRESETS.values())))
    labels = st.sampled_from([*preset.columns, "Something else"])
    headers = data.draw(st.lists(labels, unique=True, max_size=40))
    mapping = preset.mapping(headers)
    assert set(mapping) <= set(headers) - {"Something else"}
    assert len(set(mapping.values())) == len(mapping)
    assert set(mapping.values()) == {preset.columns[header] for header in headers if header in preset.columns}


def test_of_two_labels_for_one_path_the_first_listed_is_used():
    hubspot = PRESETS["hubspot-contacts"]
    assert hubspot.mapping(["Company Name", "Associated Company"]) == {"Associated Company": "company"}
    assert hubspot.mapping(["Company Name"]) == {"Company Name": "company"}


def test_case_blanks_and_marks_do_not_matter():
    assert PRESETS["salesforce-contacts"].mapping(["FirstName", "MAILINGCITY", "Email*"]) == {
        "FirstName": "given_name",
        "MAILINGCITY": "address.city",
        "Email*": "email",
    }


def test_both_editions_of_the_retail_file_are_carried_over_whole():
    lines = PRESETS["transaction-lines"]
    second = [
        "Invoice",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Customer ID",
        "Country",
    ]
    paths = ["number", "sku", "description", "quantity", "at", "unit_price", "customer", "country"]
    for headers in (RETAIL, second):
        assert lines.mapping(headers) == dict(zip(headers, paths, strict=True))
        assert suggest("line", headers, {}) == dict(zip(headers, paths, strict=True))
