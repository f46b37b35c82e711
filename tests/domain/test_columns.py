"""Columns: which paths there are, and what a column's name and values tell."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import imports
from app.domain.columns import NAMES, bare, guess_target, is_path, suggest
from app.schemas.contacts import Channel

UNTOLD = ("Favourite colour", "备用字段", "Created By", "")
HEADERS = {
    target: sorted({name for names in paths.values() for name in names} | set(UNTOLD))
    for target, paths in NAMES.items()
}


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("contact", "name"),
        ("contact", "email"),
        ("contact", "phone:mobile"),
        ("contact", "email:secondary#2"),
        ("contact", "phone#3"),
        ("contact", "address:home#2.city"),
        ("contact", "address#2.city"),
        ("contact", "phone:直线"),
        ("contact", "address.city"),
        ("contact", "address:home.postal_code"),
        ("contact", "external:erp"),
        ("contact", "custom.vip_level"),
        ("contact", "company:external:erp"),
        ("contact", "owner"),
        *(("contact", f"consent.{channel}") for channel in get_args(Channel)),
        ("contact", "consent:research.sms"),
        ("contact", "opt_out.phone"),
        ("company", "parent"),
        ("product", "active"),
        ("order", "contact:external:shop"),
        ("order", "contact:phone"),
        ("interaction", "product"),
        ("line", "customer"),
    ],
)
def test_a_path_of_its_target_is_legal(target: str, path: str):
    assert is_path(target, path)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("contact", ""),
        ("contact", "Name"),
        ("contact", "name "),
        ("contact", "name\n"),
        ("contact", "emails"),
        ("contact", "email:"),
        ("contact", "email: work"),
        ("contact", "email:" + "x" * 65),
        ("contact", "address"),
        ("contact", "address.planet"),
        ("contact", "address:home"),
        ("contact", "external:ERP"),
        ("contact", "external:"),
        ("contact", "custom."),
        ("contact", "custom.1st"),
        ("contact", "company:erp"),
        ("contact", "consent:marketing:email"),
        ("contact", "consent.pigeon"),
        ("contact", "consent"),
        ("company", "opt_out.email"),
        ("contact", "sku"),
        ("company", "email"),
        ("order", "contact:name"),
        ("interaction", "company:external:erp"),
        ("line", "external:erp"),
        ("line", "tags"),
        ("galaxy", "name"),
    ],
)
def test_anything_else_is_not(target: str, path: str):
    assert not is_path(target, path)


def test_the_grammar_knows_the_targets_of_the_product():
    assert set(NAMES) == set(imports.Target)
    for target, groups in imports.REQUIRED.items():
        assert all(is_path(target, path) for group in groups for path in group)
        assert all(is_path(target, path) for path in imports.MATCHES[target])


@pytest.mark.parametrize("target", NAMES)
def test_every_path_with_a_name_is_legal(target: str):
    assert [path for path in NAMES[target] if not is_path(target, path)] == []


@pytest.mark.parametrize("target", NAMES)
def test_every_name_alone_is_told_as_one_of_its_paths(target: str):
    for path, names in NAMES[target].items():
        for name in names:
            (told,) = suggest(target, [name], {}).values()
            assert told == path or bare(name) in {bare(one) for one in NAMES[target][told]}, name


@pytest.mark.parametrize("target", NAMES)
def test_a_path_is_its_own_name(target: str):
    assert {path: suggest(target, [path], {}) for path in NAMES[target]} == {
        path: {path: path} for path in NAMES[target]
    }


@pytest.mark.parametrize("target", NAMES)
def test_no_name_stands_twice_under_a_path(target: str):
    for names in NAMES[target].values():
        assert len({bare(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("  E-Mail *", "email"),
        ("Phone (required)", "phone"),
        ("手机（必填）", "手机"),
        ("金额(元)", "金额"),
        ("聯絡電話", "联络电话"),
        ("Customer_ID", "customerid"),
        ("ｅｍａｉｌ", "email"),
        ("Phone (mobile)", "phonemobile"),
    ],
)
def test_names_are_compared_without_what_varies(written: str, plain: str):
    assert bare(written) == plain


def test_a_chinese_list_of_people_is_told():
    assert suggest("contact", ["姓名*", "手机", "邮箱", "公司名称", "客户编号", "标签", "备注"], {}) == {
        "姓名*": "name",
        "手机": "phone:mobile",
        "邮箱": "email",
        "公司名称": "company",
        "客户编号": "external:import",
        "标签": "tags",
    }


def test_traditional_characters_are_told_as_well():
    assert suggest(
        "contact", ["聯絡人", "聯繫電話", "行動電話", "電子郵件", "職稱", "郵遞區號", "縣市"], {}
    ) == {
        "聯絡人": "name",
        "聯繫電話": "phone",
        "行動電話": "phone:mobile",
        "電子郵件": "email",
        "職稱": "job_title",
        "郵遞區號": "address.postal_code",
        "縣市": "address.city",
    }


def test_chinese_transaction_lines_are_told():
    told = suggest("line", ["订单号", "商品编码", "商品名称", "数量", "单价(元)", "下单时间", "客户编号"], {})
    assert list(told.values()) == [
        "number",
        "sku",
        "description",
        "quantity",
        "unit_price",
        "at",
        "customer",
    ]


def test_a_noun_before_a_name_changes_nothing():
    told = suggest("contact", ["Customer Email", "会员手机号", "Contact Gender"], {})
    assert list(told.values()) == ["email", "phone:mobile", "gender"]


def test_a_column_that_is_called_as_a_path_goes_there():
    paths = ["external:erp", "custom.level", "email:billing"]
    assert suggest("contact", paths, {}) == dict(zip(paths, paths, strict=True))


def test_a_name_that_can_be_two_things_is_the_one_that_is_missing():
    assert suggest("contact", ["客户名称", "邮箱"], {})["客户名称"] == "name"
    assert suggest("contact", ["客户名称", "姓名"], {}) == {"客户名称": "company", "姓名": "name"}
    assert suggest("contact", ["名字"], {}) == {"名字": "name"}
    assert suggest("contact", ["名字", "姓氏"], {}) == {"名字": "given_name", "姓氏": "family_name"}


def test_further_emails_and_phones_are_the_next_of_their_label():
    told = suggest(
        "contact", ["Email", "E-mail", "Email 2", "Work Email", "办公邮箱", "手机1", "手机2", "电话"], {}
    )
    assert list(told.values()) == [
        "email",
        "email#2",
        "email#3",
        "email:work",
        "email:work#2",
        "phone:mobile",
        "phone:mobile#2",
        "phone",
    ]


def test_a_second_column_for_one_value_is_left_out():
    assert suggest("contact", ["Job Title", "Position", "Birthday", "生日"], {}) == {
        "Job Title": "job_title",
        "Birthday": "birth_date",
    }


def test_columns_that_say_nothing_are_told_by_their_values():
    samples = {
        "Column1": ["ada@example.com", "", "bo@example.org"],
        "Column2": ["+44 20 7946 0958", "138 0013 8000"],
        "Column3": ["2024-01-05", "2024-02-01"],
    }
    assert suggest("contact", list(samples), samples) == {"Column1": "email", "Column2": "phone"}
    assert suggest("order", list(samples), samples) == {
        "Column1": "contact:email",
        "Column2": "contact:phone",
        "Column3": "placed_at",
    }
    assert suggest("company", ["?"], {"?": ["acme.example", "https://www.bo.example/x"]}) == {"?": "domain"}


def test_values_do_not_outweigh_names():
    samples = {"Email": ["ada@example.com"], "Created By": ["sales@example.com"]}
    assert suggest("contact", list(samples), samples) == {"Email": "email"}
    dates = {"Last activity": ["2024-01-05"]}
    assert suggest("order", list(dates), dates) == {}


def test_dates_and_numbers_are_no_phones():
    samples = {"a": ["2024-01-05"], "b": ["20240105"], "c": ["1234567890"], "d": ["12.50"]}
    assert suggest("contact", list(samples), samples) == {}


def test_a_few_odd_values_do_not_hide_an_email():
    assert suggest("contact", ["x"], {"x": ["a@example.com"] * 4 + ["unknown"]}) == {"x": "email"}
    assert suggest("contact", ["x"], {"x": ["a@example.com"] * 3 + ["unknown"]}) == {}


def test_an_owner_without_an_email_is_no_owner():
    assert suggest("contact", ["Contact Owner"], {"Contact Owner": ["Ada Lovelace"]}) == {}
    assert suggest("contact", ["负责人"], {"负责人": ["ada@example.com"]}) == {"负责人": "owner"}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_the_columns_no_path_is_given_twice_and_each_is_legal(data: st.DataObject):
    target = data.draw(st.sampled_from(sorted(NAMES)))
    headers = data.draw(st.lists(st.sampled_from(HEADERS[target]), max_size=30))
    values = st.sampled_from(["", "a@b.example", "+86 138 0013 8000", "2024-01-05", "x.example", "yes"])
    samples = {header: data.draw(st.lists(values, max_size=3)) for header in set(headers)}
    told = suggest(target, headers, samples)
    assert len(set(told.values())) == len(told)
    assert set(told) <= set(headers)
    assert all(is_path(target, path) for path in told.values())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.lists(st.text(max_size=100), max_size=6))
def test_any_text_may_be_a_column(target: str, headers: list[str]):
    told = suggest(target, headers, {header: [header] for header in headers})
    assert all(is_path(target, path) for path in told.values())
    guess_target(headers)


@settings(max_examples=100, deadline=None)
@given(st.permutations(["First Name", "Last Name", "Email", "Mobile Phone", "Company", "Customer", "City"]))
def test_the_order_of_columns_does_not_matter(headers: list[str]):
    assert suggest("contact", headers, {}) == {
        "First Name": "given_name",
        "Last Name": "family_name",
        "Email": "email",
        "Mobile Phone": "phone:mobile",
        "Company": "company",
        "Customer": "name",
        "City": "address.city",
    }


def test_the_longest_label_still_leaves_room_for_a_number():
    longest = "email:" + "x" * 64
    told = suggest("contact", [longest, f" {longest}"], {})
    assert len(told) == 2
    assert all(is_path("contact", path) for path in told.values())


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        (["姓名", "手机", "邮箱", "公司名称"], "contact"),
        (["First Name", "Last Name", "Email", "Company", "City", "State"], "contact"),
        (["手机号", "标签"], "contact"),
        (["Company name", "Company Domain Name", "Industry", "City", "Country/Region"], "company"),
        (["客户名称", "客户级别", "客户行业", "客户来源", "电话", "网址"], "company"),
        (["SKU", "Name", "Price", "Category"], "product"),
        (["商品编码", "商品名称", "售价", "成本价", "币种"], "product"),
        (["Order Number", "Order Date", "Customer ID", "Total", "Tax"], "order"),
        (["订单号", "下单时间", "客户编号", "订单金额", "付款时间"], "order"),
        (["Activity Type", "Subject", "Start Time", "Duration (seconds)", "Contact Email"], "interaction"),
        (["跟进方式", "跟进时间", "跟进内容", "客户编号"], "interaction"),
        (["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"], "line"),
        (["订单号", "商品编码", "数量", "单价", "下单时间", "客户编号"], "line"),
        (["x", "y", "Favourite colour"], None),
        ([], None),
    ],
)
def test_the_target_is_guessed_from_the_names(headers: list[str], target: str | None):
    assert guess_target(headers) == target
    assert guess_target(headers[::-1]) == target
