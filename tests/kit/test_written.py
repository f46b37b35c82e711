"""Numbers and dates in tables are read exactly, or refused with a sentence."""

from datetime import UTC, date, time, timedelta, timezone
from decimal import Decimal
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import written

AMOUNTS = st.decimals(min_value=-(10**11), max_value=10**11, places=2, allow_nan=False)
DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31))


def grouped(amount: Decimal, group: str, mark: str) -> str:
    return f"{amount:,.2f}".replace(",", "G").replace(".", mark).replace("G", group)


STYLES: list[tuple[str, written.DecimalMark]] = [(",", "."), (".", ","), (" ", ","), ("'", "."), ("", ".")]


@given(AMOUNTS, st.sampled_from(STYLES))
def test_an_amount_reads_back_in_every_style(amount: Decimal, style: tuple[str, written.DecimalMark]) -> None:
    group, mark = style
    assert written.number(grouped(amount, group, mark), mark) == amount


@given(st.lists(AMOUNTS, min_size=1), st.sampled_from([(",", "."), (".", ",")]))
def test_a_column_tells_its_mark(amounts: list[Decimal], style: tuple[str, str]) -> None:
    assert written.decimal_mark([grouped(amount, *style) for amount in amounts]) == style[1]


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("¥1,234.50", "1234.50"),
        ("CNY 88", "88"),
        ("1,234.5 USD", "1234.5"),
        ("(12.50)", "-12.50"),
        ("12.50-", "-12.50"),
        ("-$3", "-3"),
        ("$-3", "-3"),
        ("１２３．４", "123.4"),
        ("12,34,567.00", "1234567"),
        ("1.5E3", "1500"),
        ("−7", "-7"),
        (".5", "0.5"),
    ],
)
def test_signs_of_money_are_read(cell: str, amount: str) -> None:
    assert written.number(cell) == Decimal(amount)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "abc",
        "1.234,56",
        "1,23",
        "--5",
        "1.2.3",
        "12 3",
        "50%",
        "1_000",
        "0x10",
        "NaN",
        "min 50",
        "50 pcs",
    ],
)
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number"):
        written.number(cell)


def test_the_refusal_says_what_the_other_mark_would_do() -> None:
    with pytest.raises(ValueError, match=r"with ',' before the decimals"):
        written.number("1.234,56")


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_refusal(cell: str) -> None:
    for mark in (".", ","):
        try:
            value = written.number(cell, mark)
        except ValueError:
            continue
        assert value.is_finite()


@given(
    DAYS,
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%B %d, %Y", "%Y年%m月%d日"]),
)
def test_a_day_reads_back_where_its_form_leaves_no_doubt(day: date, form: str) -> None:
    assert written.moment(day.strftime(form)) == (day, None, None)


@given(
    DAYS,
    st.sampled_from([("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y"), ("dmy", "%d.%m.%y"), ("mdy", "%m-%d-%y")]),
)
def test_a_day_reads_back_in_a_stated_order(day: date, way: tuple[written.DateOrder, str]) -> None:
    order, form = way
    assert written.moment(day.strftime(form), order)[0] == day


@given(st.lists(DAYS, min_size=1), st.sampled_from([("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y")]))
def test_a_column_tells_its_order_or_none(days: list[date], way: tuple[written.DateOrder, str]) -> None:
    order, form = way
    told = written.date_order([day.strftime(form) for day in days])
    assert told == (order if any(day.day > 12 for day in days) else None)


@given(DAYS, st.times())
def test_a_time_with_its_offset_reads_back(day: date, at: time) -> None:
    found = written.moment(f"{day.isoformat()}T{at.isoformat()}+08:00")
    assert found == (day, at, timezone(timedelta(hours=8)))
    assert written.moment(f"{day.isoformat()} {at.isoformat()}Z") == (day, at, UTC)


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026年1月31日 下午3:05", time(15, 5)),
        ("2026-01-31 12:00 AM", time(0)),
        ("2026/1/31 3:05:09 pm", time(15, 5, 9)),
    ],
)
def test_halves_of_the_day_are_read(cell: str, at: time) -> None:
    assert written.moment(cell)[:2] == (date(2026, 1, 31), at)


@pytest.mark.parametrize(
    ("cell", "order", "says"),
    [
        ("31/02/2026", "dmy", "does not exist"),
        ("2026-13-01", None, "does not exist"),
        ("03/04/2026", None, "two different days"),
        ("31/12/2025", "mdy", "does not exist in the order mdy"),
        ("2026-01-31 25:00", None, "time that does not exist"),
        ("2026-01-31 13:00 PM", None, "half of the day"),
        ("31-Foo-2025", None, "no month"),
        ("yesterday", None, "is not a date"),
        ("45292", None, "is not a date"),
    ],
)
def test_what_is_no_day_is_refused(cell: str, order: written.DateOrder | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        written.moment(cell, order)


def test_a_column_that_can_be_two_is_left_open_and_its_cells_refused():
    assert written.decimal_mark(["1.234", "12.500", "7"]) is None
    assert written.decimal_mark(["1,234"]) is None
    assert written.decimal_mark(["1.500", "2.500,75"]) == ","
    for cell in ("1.234", "12,500"):
        with pytest.raises(ValueError, match="two amounts"):
            written.number(cell, None)
    assert [written.number(cell, None) for cell in ("7", "1.5", "1,25", "1.234,5")] == [
        Decimal(7),
        Decimal("1.5"),
        Decimal("1.25"),
        Decimal("1234.5"),
    ]


def test_a_number_of_the_file_has_a_point_whatever_the_column():
    assert written.number(written.Number(1.125), ",") == Decimal("1.125")
    assert written.decimal_mark([written.Number(1.125), "1,5"]) == ","


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("12.50", None),
        ("USD 12.50", {"USD"}),
        ("€ 9", {"EUR"}),
        ("9元", {"CNY"}),
        ("￥9", {"CNY", "JPY"}),
        ("$5 USD", {"USD"}),
        ("EUR 5 USD", set()),
    ],
)
def test_the_currencies_that_an_amount_names(cell: str, codes: set[str] | None):
    assert written.currencies(cell) == codes


@pytest.mark.parametrize("cell", ["1" + " " * 8_000 + "x", "2026-01-31" + " " * 30_000 + "x", "9" * 8_000])
def test_a_long_cell_is_no_number_and_no_day_and_keeps_nobody_waiting(cell: str) -> None:
    began = thread_time()
    for read in (written.number, written.moment):
        with pytest.raises(ValueError, match="is not a "):
            read(cell)
    assert (written.decimal_mark([cell]), written.date_order([cell, "2026-01-31"])) == (None, "ymd")
    assert written.currencies(cell) is None
    assert thread_time() - began < 1, "the time grows with the square of the cell"
