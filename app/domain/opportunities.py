"""Presets for the opportunities of well-known systems; the labels are those of the products' own exports."""

from app.domain.exported import Preset, labels

_HUBSPOT_STAGES = (
    "Appointment Scheduled",
    "Qualified To Buy",
    "Presentation Scheduled",
    "Decision Maker Bought-In",
    "Contract Sent",
    "Closed Won",
    "Closed Lost",
)
"""Of the pipeline that every HubSpot account begins with; each has a column of its own."""

OPPORTUNITIES = (
    Preset(
        "salesforce-opportunities",
        "Salesforce opportunities",
        "Salesforce 业务机会",
        "deal",
        labels("""
external:salesforce = Opportunity ID | Id | 业务机会 ID
name = Opportunity Name | Name | 业务机会名称 | 业务机会名
amount = Amount | 金额
currency = Opportunity Currency | Currency ISO Code | Amount Currency | 业务机会货币
stage = Stage | StageName | 阶段
opened_at = Created Date | CreatedDate | 创建日期
closed_at = Close Date | CloseDate | 结束日期
channel = Lead Source | LeadSource | 潜在客户来源
campaign = Primary Campaign Source | 主要市场活动源
next_step = Next Step | NextStep | 下一步
owner = Opportunity Owner | Opportunity Owner Email | Owner Email | 业务机会所有人
company:external:salesforce = Account ID | AccountId | 客户 ID
company = Account Name | 客户名 | 客户名称
lost_reason = Loss Reason | Lost Reason | Reason Lost
"""),
        "salesforce",
        "Probabilities (they are those of the stages), types, descriptions and products are left out, and a close date"
        " to come is the expected one.",
    ),
    Preset(
        "hubspot-deals",
        "HubSpot deals",
        "HubSpot 交易",
        "deal",
        labels(
            """
external:hubspot = Record ID | Deal ID | 记录 ID
name = Deal Name | 交易名称
amount = Amount | 金额
currency = Currency | 货币
stage = Deal Stage | 交易阶段
opened_at = Create Date | 创建日期
closed_at = Close Date | 结束日期 | 关闭日期
lost_reason = Closed Lost Reason | 丢单原因
channel = Original Traffic Source | 原始流量来源
next_step = Next Step | 下一步
owner = Deal owner | Deal owner email | 交易所有者
company:external:hubspot = Primary Associated Company ID | Associated Company IDs (Primary)
company = Associated Company (Primary) | Associated Company | 关联公司
contact:external:hubspot = Associated Contact IDs
"""
            + "".join(
                f'entered:{stage} = Date entered "{stage} (Sales Pipeline)" | Date entered {stage}\n'
                for stage in _HUBSPOT_STAGES
            )
        ),
        "hubspot",
        "Probabilities (they are those of the stages), deal types, descriptions and line items are left out, and a close"
        " date to come is the expected one.",
    ),
    Preset(
        "pipedrive-deals",
        "Pipedrive deals",
        "Pipedrive 交易",
        "deal",
        labels("""
external:pipedrive = Deal - ID | ID
name = Deal - Title | Title
amount = Deal - Value | Value
currency = Deal - Currency of Value | Currency of Value | Deal - Currency | Currency
stage = Deal - Stage | Stage
opened_at = Deal - Deal created | Deal created
entered:won = Deal - Won time | Won time
entered:lost = Deal - Lost time | Lost time
lost_reason = Deal - Lost reason | Lost reason
expected_close = Deal - Expected close date | Expected close date
channel = Deal - Source channel | Source channel
tags = Deal - Label | Label
owner = Deal - Owner | Owner
company:external:pipedrive = Organization - ID
company = Deal - Organization | Organization - Name | Organization
contact:external:pipedrive = Person - ID
"""),
        "pipedrive",
        "Statuses, probabilities, weighted values, activities and products are left out, and won and lost are the"
        " stages of that name.",
    ),
    Preset(
        "maven-opportunities",
        "Opportunities of a CRM data set (Maven)",
        "CRM 数据集中的商机（Maven）",
        "deal",
        labels("""
external:maven = opportunity_id
owner = sales_agent
product = product
company = account
stage = deal_stage
entered:engaging = engage_date
closed_at = close_date
amount = close_value
"""),
        "maven",
        "Every column is carried over.",
    ),
)
