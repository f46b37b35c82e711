"""Presets: where the columns of well-known systems' exports go.

The labels are those of the products' own exports, in English and, where there is, Chinese; the first for a path is used.
"""

from collections.abc import Mapping
from types import MappingProxyType

from app.domain.exported import Preset, labels
from app.domain.opportunities import OPPORTUNITIES

_PRESETS = (
    Preset(
        "salesforce-contacts",
        "Salesforce contacts",
        "Salesforce 联系人",
        "contact",
        labels("""
external:salesforce = Contact ID | Id | 联系人 ID
name = Full Name | Name | 姓名 | 全名
given_name = First Name | 名字
family_name = Last Name | 姓氏
job_title = Title | 职务 | 职位
birth_date = Birthdate | 出生日期
email = Email | 电子邮件
phone = Phone | Business Phone | 电话 | 业务电话
phone:mobile = Mobile | Mobile Phone | 手机 | 移动电话
phone:home = Home Phone | 住宅电话
phone:other = Other Phone | 其他电话
address.street = Mailing Street | 邮寄街道 | 邮寄地址
address.city = Mailing City | 邮寄城市
address.province = Mailing State/Province | Mailing State | 邮寄州/省 | 邮寄省/州
address.postal_code = Mailing Zip/Postal Code | Mailing Postal Code | 邮寄邮政编码
address.country = Mailing Country | Mailing Country Code | 邮寄国家/地区
address:other.street = Other Street | 其他街道
address:other.city = Other City | 其他城市
address:other.province = Other State/Province | Other State | 其他州/省 | 其他省/州
address:other.postal_code = Other Zip/Postal Code | Other Postal Code | 其他邮政编码
address:other.country = Other Country | 其他国家/地区
company:external:salesforce = Account ID | 客户 ID
company = Account Name | 客户名 | 客户名称
source = Lead Source | 潜在客户来源
opt_out.email = Email Opt Out
opt_out.phone = Do Not Call
"""),
        "salesforce",
        "Owners (the export names them without their e-mail), managers and departments are left out.",
    ),
    Preset(
        "salesforce-companies",
        "Salesforce accounts",
        "Salesforce 客户",
        "company",
        labels("""
external:salesforce = Account ID | Id | 客户 ID
name = Account Name | Name | 客户名 | 客户名称
domain = Website | 网站
industry = Industry | 行业
employees = Employees | Number of Employees | 员工 | 员工数
region = Billing State/Province | Billing State | 账单州/省 | 账单省/州
country = Billing Country | Billing Country Code | 账单国家/地区
parent = Parent Account | Parent Account Name | 父客户
"""),
        "salesforce",
        "Owners, phone numbers, streets, revenue and ratings are left out.",
    ),
    Preset(
        "hubspot-contacts",
        "HubSpot contacts",
        "HubSpot 联系人",
        "contact",
        labels("""
external:hubspot = Record ID | Contact ID | 记录 ID
given_name = First Name | 名字 | 名
family_name = Last Name | 姓氏 | 姓
job_title = Job Title | 职务 | 职位
birth_date = Date of birth | 出生日期
email = Email | 电子邮件 | 电子邮箱
phone = Phone Number | 电话号码
phone:mobile = Mobile Phone Number | 手机号码
address.street = Street Address | 街道地址
address.city = City | 城市
address.province = State/Region | 州/地区
address.postal_code = Postal Code | 邮政编码
address.country = Country/Region | Country | 国家/地区
company:external:hubspot = Primary Associated Company ID | Associated Company IDs (Primary)
company = Associated Company (Primary) | Associated Company | Company Name | 关联公司 | 公司名称
source = Original Traffic Source | Original Source | 原始流量来源 | 原始来源
opt_out.email = Unsubscribed from all email
"""),
        "hubspot",
        "Owners, lifecycle stages, lead statuses, further companies and single subscriptions are left out.",
    ),
    Preset(
        "hubspot-companies",
        "HubSpot companies",
        "HubSpot 公司",
        "company",
        labels("""
external:hubspot = Record ID | Company ID | 记录 ID
name = Company name | 公司名称
domain = Company Domain Name | Website URL | 公司域名 | 网站 URL
industry = Industry | 行业
employees = Number of Employees | 员工人数 | 员工数
region = State/Region | 州/地区
country = Country/Region | Country | 国家/地区
parent = Parent Company | 母公司 | 父公司
"""),
        "hubspot",
        "Owners, phone numbers, streets, lifecycle stages and revenue are left out.",
    ),
    Preset(
        "zoho-contacts",
        "Zoho CRM contacts",
        "Zoho CRM 联系人",
        "contact",
        labels("""
external:zoho = Record Id | Contact Id | 记录 ID | 联系人 ID
name = Contact Name | Full Name | 联系人姓名 | 姓名
given_name = First Name | 名 | 名字
family_name = Last Name | 姓 | 姓氏
job_title = Title | 职务
birth_date = Date of Birth | 出生日期
email = Email | 邮件 | 电子邮件
email:secondary = Secondary Email | 第二电子邮箱
phone = Phone | 电话
phone:mobile = Mobile | 手机
phone:home = Home Phone | 家庭电话
phone:other = Other Phone | 其它电话
address.street = Mailing Street | 邮寄街道
address.city = Mailing City | 邮寄城市
address.province = Mailing State | 邮寄州
address.postal_code = Mailing Zip | 邮寄邮编
address.country = Mailing Country | 邮寄国家
address:other.street = Other Street | 其它街道
address:other.city = Other City | 其它城市
address:other.province = Other State | 其它州
address:other.postal_code = Other Zip | 其它邮编
address:other.country = Other Country | 其它国家
company:external:zoho = Account Name.id | 客户名称.id | 账户名称.id
company = Account Name | 客户名称 | 账户名称
source = Lead Source | 线索来源
tags = Tag | 标签
opt_out.email = Email Opt Out
"""),
        "zoho",
        "Owners, departments, assistants and vendors are left out.",
    ),
    Preset(
        "zoho-companies",
        "Zoho CRM accounts",
        "Zoho CRM 客户",
        "company",
        labels("""
external:zoho = Record Id | Account Id | 记录 ID | 客户 ID
name = Account Name | 客户名称 | 账户名称
domain = Website | 网站
industry = Industry | 行业
employees = Employees | 员工数量 | 员工
region = Billing State | 账单州
country = Billing Country | 账单国家
parent = Parent Account | 父客户 | 上级客户
tags = Tag | 标签
"""),
        "zoho",
        "Owners, phone numbers, streets, account types and revenue are left out.",
    ),
    Preset(
        "dynamics-contacts",
        "Dynamics 365 contacts",
        "Dynamics 365 联系人",
        "contact",
        labels("""
external:dynamics = (Do Not Modify) Contact | contactid | (请勿修改) 联系人 | (不要修改) 联系人
name = Full Name | 全名
given_name = First Name | 名字
family_name = Last Name | 姓氏
job_title = Job Title | 职务
birth_date = Birthday | 生日
gender = Gender | 性别
education = Education | 教育程度
email = Email | 电子邮件
email:2 = Email Address 2 | 电子邮件地址 2
email:3 = Email Address 3 | 电子邮件地址 3
phone:work = Business Phone | 商务电话
phone:mobile = Mobile Phone | 移动电话
phone:home = Home Phone | 住宅电话
address.street = Address 1: Street 1 | 地址 1: 街道 1
address.city = Address 1: City | 地址 1: 市/县 | 地址 1: 城市
address.district = Address 1: County | 地址 1: 县
address.province = Address 1: State/Province | 地址 1: 省/市/自治区
address.postal_code = Address 1: ZIP/Postal Code | 地址 1: 邮政编码 | 地址 1: ZIP/邮政编码
address.country = Address 1: Country/Region | 地址 1: 国家/地区
company = Company Name | 公司名称
"""),
        "dynamics",
        "Owners, the second line of streets, second addresses, and what is not allowed are left out.",
    ),
    Preset(
        "dynamics-companies",
        "Dynamics 365 accounts",
        "Dynamics 365 客户",
        "company",
        labels("""
external:dynamics = (Do Not Modify) Account | accountid | (请勿修改) 客户 | (不要修改) 客户
name = Account Name | 客户名称 | 帐户名
domain = Website | 网站
industry = Industry | 行业
employees = Number of Employees | No. of Employees | 员工数 | 员工人数
region = Address 1: State/Province | 地址 1: 省/市/自治区
country = Address 1: Country/Region | 地址 1: 国家/地区
parent = Parent Account | 上级单位 | 上级客户
"""),
        "dynamics",
        "Owners, primary contacts, phone numbers, streets and revenue are left out.",
    ),
    Preset(
        "pipedrive-contacts",
        "Pipedrive people",
        "Pipedrive 联系人",
        "contact",
        labels("""
external:pipedrive = Person - ID | ID
name = Person - Name | Name
given_name = Person - First name | First name
family_name = Person - Last name | Last name
job_title = Person - Job title | Job title
birth_date = Person - Birthday | Birthday
email:work = Person - Email - Work | Email - Work
email:home = Person - Email - Home | Email - Home
email:other = Person - Email - Other | Email - Other
email = Person - Email | Email
phone:work = Person - Phone - Work | Phone - Work
phone:home = Person - Phone - Home | Phone - Home
phone:mobile = Person - Phone - Mobile | Phone - Mobile
phone:other = Person - Phone - Other | Phone - Other
phone = Person - Phone | Phone
address.street = Person - Street/road name of Postal address | Street/road name of Postal address
address.district = Person - District/sublocality of Postal address | District/sublocality of Postal address
address.city = Person - City/town/village/locality of Postal address | City/town/village/locality of Postal address
address.province = Person - State/county of Postal address | State/county of Postal address
address.postal_code = Person - ZIP/Postal code of Postal address | ZIP/Postal code of Postal address
address.country = Person - Country of Postal address | Country of Postal address
company:external:pipedrive = Organization - ID
company = Person - Organization | Organization - Name | Organization
tags = Person - Labels | Person - Label | Labels | Label
"""),
        "pipedrive",
        "Owners, house numbers, deals, activities and marketing statuses are left out.",
    ),
    Preset(
        "pipedrive-companies",
        "Pipedrive organizations",
        "Pipedrive 组织",
        "company",
        labels("""
external:pipedrive = Organization - ID | ID
name = Organization - Name | Name
domain = Organization - Website | Website
industry = Organization - Industry | Industry
employees = Organization - Number of employees | Number of employees
region = Organization - State/county of Address | State/county of Address
country = Organization - Country of Address | Country of Address
tags = Organization - Labels | Organization - Label | Labels | Label
"""),
        "pipedrive",
        "Owners, streets, annual revenue, deals and activities are left out.",
    ),
    Preset(
        "fxiaoke-contacts",
        "Fxiaoke contacts",
        "纷享销客联系人",
        "contact",
        labels("""
external:fxiaoke = 唯一性ID | 联系人ID
name = 姓名 | Name
job_title = 职务 | Job Title
birth_date = 生日 | 出生日期
gender = 性别 | Gender
email = 邮件 | 邮箱 | 电子邮件 | Email
phone:mobile = 手机 | 手机1 | Mobile
phone:mobile 2 = 手机2
phone = 电话 | 电话1 | Phone
phone:2 = 电话2
address.country = 国家
address.province = 省
address.city = 市
address.district = 区
address.street = 详细地址 | 地址
company = 客户名称 | Account Name
"""),
        "fxiaoke",
        "Owners, departments, decision roles, remarks and follow-up records are left out.",
    ),
    Preset(
        "fxiaoke-companies",
        "Fxiaoke accounts",
        "纷享销客客户",
        "company",
        labels("""
external:fxiaoke = 唯一性ID | 客户ID
name = 客户名称 | Account Name
domain = 网址 | 官网 | Website
industry = 行业 | 1级行业 | Industry
employees = 总人数 | 员工数
region = 省
country = 国家
parent = 上级客户
"""),
        "fxiaoke",
        "Owners, phone numbers, streets, levels, deal statuses and follow-up records are left out.",
    ),
    Preset(
        "wukong-contacts",
        "Wukong CRM contacts",
        "悟空CRM联系人",
        "contact",
        labels("""
name = 姓名
job_title = 职务
gender = 性别
email = 电子邮箱 | 邮箱
phone:mobile = 手机
phone = 电话
address.street = 地址 | 详细地址
company = 客户名称
"""),
        "wukong",
        "Owners, decision makers, next contact times and remarks are left out, and the export has no record id.",
    ),
    Preset(
        "wukong-companies",
        "Wukong CRM customers",
        "悟空CRM客户",
        "company",
        labels("""
name = 客户名称
domain = 网址
industry = 客户行业
"""),
        "wukong",
        "Owners, levels, sources, deal statuses, phones and remarks are left out, and the export has no record id.",
    ),
    Preset(
        "transaction-lines",
        "Transaction lines (UCI Online Retail)",
        "交易明细（UCI Online Retail）",
        "line",
        labels("""
number = InvoiceNo | Invoice
at = InvoiceDate
sku = StockCode
description = Description
quantity = Quantity
unit_price = UnitPrice | Price
customer = CustomerID | Customer ID
country = Country
"""),
        "online_retail",
        "Every column is carried over.",
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({one.key: one for one in (*_PRESETS, *OPPORTUNITIES)})
"""By key."""
