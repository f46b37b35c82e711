"""Names meet by their parts, their sounds and their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import names


def sound(name: str) -> str:
    given_name, family = names.parts(name)
    return names.sound(given_name, family, name)


@pytest.mark.parametrize(
    "same",
    [
        ("王小明", "Wang Xiaoming", "xiao ming WANG", "王晓铭", "ｗａｎｇ xiaoming"),
        ("欧阳修", "Ouyang Xiu", "Xiu Ouyang"),
        ("吕布", "Lu Bu", "lv bu", "Lü Bu"),
        ("曾志伟", "Zeng Zhiwei"),
        ("O'Brien Tim", "Tim OBrien"),
        ("José García", "Garcia Jose"),
    ],
)
def test_spellings_of_one_sound_are_one(same: tuple[str, ...]):
    assert len({sound(name) for name in same}) == 1


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("robert", "r163"),
        ("rupert", "r163"),
        ("ashcraft", "a261"),
        ("tymczak", "t522"),
        ("pfister", "p236"),
        ("lee", "l000"),
    ],
)
def test_soundex_is_that_of_the_archives(word: str, code: str):
    assert names.soundex(word) == code


def test_a_family_name_is_read_from_the_name_as_its_script_has_it():
    assert names.parts("司马相如") == ("相如", "司马")
    assert names.parts("Jean Luc Picard") == ("jean luc", "picard")
    assert names.parts("Prince") == ("", "")
    assert names.parts("x", given="Li", family="Wei") == ("li", "wei")


def test_a_bag_of_words_forgets_labels_and_order():
    assert names.words("上海市", "世纪大道100号") == names.words("世纪大道100号", "上海市")
    assert {"100", "世纪"} <= set(names.words("世纪大道100号"))


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_read_the_same_again(name: str, more: str):
    given_name, family = names.parts(name)
    assert names.folded(names.folded(name)) == names.folded(name)
    assert names.sound(given_name, family, name) == names.sound(given_name, family, name)
    assert names.words(name, more) == names.words(more, name)
