import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.kit.phones import e164

REGIONS = st.sampled_from(["CN", "US", "GB", "HK", "TW", "SG", "ZZ", ""])
BLANKS = st.text(" -", max_size=2)


def answer(typed: str, region: str) -> str | None:
    """What the library says, by its documented calls alone."""
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


@st.composite
def spaced(draw: st.DrawFn) -> str:
    prefix = draw(
        st.sampled_from(["", "+86", "0086", "86", "+", "00", "0", "+860", "+1", "17951", "+86+86", "++86"])
    )
    second = draw(st.sampled_from("3456789"))
    rest = draw(st.text("0123456789", min_size=8, max_size=10))
    return "".join(character + draw(BLANKS) for character in f"{prefix}1{second}{rest}")


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("138 1234-5678", "CN", "+8613812345678"),
        ("+86 138-1234-5678", "US", "+8613812345678"),
        ("0086 13812345678", "CN", "+8613812345678"),
        ("１３８１２３４５６７８", "CN", "+8613812345678"),
        ("(021) 6234 5678", "CN", "+862162345678"),
        ("213-373-4253 ext. 7", "US", "+12133734253"),
        ("+44 (0)20 7946 0018", "CN", "+442079460018"),
        ("13812345678", "US", None),
        ("14012345678", "CN", None),
        ("no number", "CN", None),
        ("", "CN", None),
        ("\ud800\x00", "CN", None),
    ],
)
def test_numbers_come_out_in_one_form(typed, region, number):
    assert e164(typed, region) == number


@given(spaced(), REGIONS)
@example("-+8613812345678", "CN")
@example(" 13812345678-", "CN")
@example("+86\u0661\u0663812345678", "CN")
def test_the_fast_path_gives_the_librarys_answer(typed, region):
    assert e164(typed, region) == answer(typed, region)


@given(st.text("0123456789+-() ext#,;.", max_size=24) | st.text(max_size=30), REGIONS)
def test_any_text_gets_the_librarys_answer(typed, region):
    assert e164(typed, region) == answer(typed, region)


def test_every_prefix_of_a_chinese_mobile_number_gets_the_librarys_answer():
    numbers = [f"1{prefix:03}2345678"[:11] for prefix in range(300, 1000)]
    assert [e164(number, "CN") for number in numbers] == [answer(number, "CN") for number in numbers]
    assert sum(e164(number, "CN") is not None for number in numbers) > 400


def test_a_number_in_its_form_stays_as_it_is():
    for number in ("+8613812345678", "+862162345678", "+12133734253"):
        assert e164(number, "CN") == e164(number, "US") == number


def test_text_longer_than_any_number_is_refused():
    assert e164("1" * 10_000, "CN") is None
    assert e164(" " * 251 + "13812345678", "CN") is None
