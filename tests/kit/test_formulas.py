"""No cell runs as a formula, and none loses anything on the way out and in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.formulas import escaped, unescaped

BEGINS = "=+-@＝＋－＠\t\r\n"


@given(st.text() | st.text("'; a1" + BEGINS, max_size=12))
def test_what_is_escaped_comes_back(cell: str):
    assert unescaped(escaped(cell)) == cell or cell.startswith(("+", "-"))
    assert unescaped(escaped(cell)) == cell


@given(st.sampled_from(BEGINS), st.text())
def test_only_a_signed_number_begins_as_a_formula_does(first: str, rest: str):
    out = escaped(first + rest)
    assert out.startswith("'") or out[1:].replace(".", "", 1).isdecimal()


@pytest.mark.parametrize(
    ("cell", "out"),
    [
        ("vip;=HYPERLINK(A1)", "vip;'=HYPERLINK(A1)"),
        ("vip; @x;b;-1+1", "vip; '@x;b;'-1+1"),
        ("two\n=1+1;\n＝2", "two\n'=1+1;\n'＝2"),
        ("a;+8613800138000;-5", "a;+8613800138000;-5"),
        ("a;'=b", "a;''=b"),
    ],
)
def test_what_may_run_after_a_separator_is_escaped(cell: str, out: str):
    assert escaped(cell) == out
    assert unescaped(out) == cell


@pytest.mark.parametrize(
    "cell", ["+8613800138000", "-12.50", "0", "张伟", "a=b", "it's", "'s Hertogenbosch", ""]
)
def test_what_runs_nothing_stays(cell: str):
    assert escaped(cell) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+86 138-0013", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "＝1", "\tx"])
def test_what_may_run_is_escaped(cell: str):
    assert escaped(cell) == f"'{cell}"
