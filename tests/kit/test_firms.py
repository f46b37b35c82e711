"""Firms' names meet without their legal forms, by their parts and by their sounds."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import firms, names


@pytest.mark.parametrize(
    "same",
    [
        (
            "北京海蓝科技有限公司",
            "海蓝(北京)科技股份有限公司",
            "北京市海蓝科技",
            "海蓝科技（北京）有限责任公司",
        ),
        (
            "海蓝（深圳）科技有限公司",
            "ＨＡＩＬＡＮ Technology (Shenzhen) Co., Ltd.",
            "Shenzhen Hai Lan Tech Limited",
        ),
        ("Müller Maschinenbau GmbH & Co. KG", "Muller Maschinenbau G.m.b.H.", "MÜLLER MASCHINENBAU AG"),
        ("Acme S.A. de C.V.", "Acme S.A.", "acme, inc.", "Acme Sp. z o.o.", "The Acme Company"),
        ("ООО Ромашка", "Ромашка ООО"),
        ("株式会社トヨタ", "トヨタ株式会社"),
        ("陕西绿洲贸易", "Shaanxi Lvzhou Trading Ltd", "Luzhou Trading (Shaanxi)"),
    ],
)
def test_one_firm_written_in_several_ways_has_the_same_parts(same: tuple[str, ...]):
    told = [firms.parts(name) for name in same]
    assert len({(one.sound, one.trades, one.place, one.branch) for one in told}) == 1


@pytest.mark.parametrize(
    ("name", "core", "trades", "place", "branch"),
    [
        ("广东省深圳市南山区海蓝信息技术有限公司", "海蓝", ("information",), "shenzhen", ""),
        ("内蒙古自治区呼和浩特市伊利实业集团股份有限公司", "伊利", ("industry",), "huhehaote", ""),
        ("上海华夏律师事务所(普通合伙)", "华夏", ("law",), "shanghai", ""),
        ("海蓝科技有限公司上海分公司", "海蓝", ("technology",), "", "shanghai"),
        ("海蓝（北京）信息技术上海分公司", "海蓝", ("information",), "beijing", "shanghai"),
        ("海蓝科技有限公司北京市朝阳区第二分公司", "海蓝", ("technology",), "", "beijingzhaoyangqudier"),
        ("中信银行北京分行", "中信银行", (), "", "beijing"),
        ("Acme Ltd. London Branch", "acme", (), "", "london"),
        ("Xinyu Education (Dalian) Co Ltd", "xinyu", ("education",), "dalian", ""),
        ("上海贸易有限公司", "上海", ("trade",), "", ""),
        ("有限公司", "有限", (), "", ""),
        ("Trading Company", "trading", (), "", ""),
    ],
)
def test_a_name_is_taken_apart_and_always_keeps_something_of_its_own(name, core, trades, place, branch):
    told = firms.parts(name)
    assert (told.core, told.trades, told.place, told.branch) == (core, trades, place, branch)


@given(st.text(max_size=60))
def test_any_text_has_parts_and_whatever_has_a_letter_has_a_core(text: str):
    told = firms.parts(text)
    assert bool(told.core) == bool(names.folded(text))
    assert told.sound == told.sound.replace(" ", "")


@given(
    st.text(string.ascii_lowercase, min_size=5, max_size=12),
    st.sampled_from(("Ltd", "GmbH", "S.A.", "Inc.", "Co., Ltd.", "B.V.", "PLC", "Sp. z o.o.")),
)
def test_a_legal_form_makes_no_other_firm(word: str, form: str):
    assert firms.parts(f"{word} {form}").core == firms.parts(word).core


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.hailan.com", "hailan.com"),
        ("shop.hailan.com.cn", "hailan.com.cn"),
        ("hailan.co.uk", "hailan.co.uk"),
        ("hailan.1688.com", "hailan.1688.com"),
        ("qq.com", None),
        ("gmail.com", None),
    ],
)
def test_a_site_that_anybody_has_a_page_at_is_nobodys(host: str, site: str | None):
    assert firms.site(host) == site


@pytest.mark.parametrize(
    ("written", "place"),
    [("上海市", "shanghai"), ("Shanghai", "shanghai"), ("广东省 深圳", "shenzhen"), ("华东", "华东")],
)
def test_regions_have_the_names_of_places_where_they_are_known(written: str, place: str):
    assert firms.place(written) == place
