"""What people call the columns of their files, by target and path, the likeliest path first where they call two the same."""

# Simplified characters only, and no blanks, marks or capitals: names are compared without them (see `bare`).
TABLES = {
    "contact": """
name = name | full name | display name | contact | contact name | person | customer | customer name | client name
name = 姓名 | 全名 | 名字 | 名称 | 称呼 | 联系人 | 联络人 | 联系人姓名 | 客户姓名 | 会员姓名 | 中文姓名 | 客户 | 客户名称
given_name = first name | given name | forename | 名 | 名字
family_name = last name | family name | surname | 姓 | 姓氏
job_title = job title | title | position | designation | 职位 | 职务 | 职称 | 岗位 | 头衔
birth_date = birthday | birth date | date of birth | dob | 生日 | 出生日期 | 出生年月日
gender = gender | sex | 性别
occupation = occupation | profession | 职业
income_band = income | income band | income range | annual income | 收入 | 年收入 | 收入区间 | 收入水平
education = education | education level | degree | 学历 | 教育程度 | 文化程度
source = source | lead source | original source | original traffic source | 来源 | 客户来源 | 线索来源
source = 潜在客户来源 | 来源渠道 | 渠道来源 | 获客渠道 | 原始来源
stage = stage | lifecycle stage | 阶段 | 客户阶段 | 生命周期阶段
language = language | preferred language | locale | 语言 | 语种 | 首选语言
email = email | email address | mail | 邮箱 | 邮箱地址 | 电子邮箱 | 电子邮件 | 电子邮件地址 | 邮件 | 邮件地址 | 电邮 | 信箱
email:work = work email | email work | business email | office email | company email | 工作邮箱 | 办公邮箱 | 公司邮箱
email:home = home email | email home | personal email | private email | 个人邮箱 | 私人邮箱
email:secondary = secondary email | second email | alternate email | 备用邮箱 | 第二邮箱 | 第二电子邮箱
email:other = other email | email other | 其他邮箱 | 其它邮箱
phone = phone | phone number | telephone | telephone number | tel | contact number
phone = 电话 | 电话号码 | 联系电话 | 联络电话 | 联系方式
phone:mobile = mobile | mobile phone | mobile number | mobile phone number | phone mobile | cell | cell phone
phone:mobile = 手机 | 手机号 | 手机号码 | 移动电话 | 行动电话
phone:work = work phone | phone work | business phone | office phone | 办公电话 | 工作电话 | 公司电话 | 单位电话 | 座机
phone:work = 固定电话 | 商务电话 | 业务电话
phone:home = home phone | phone home | 家庭电话 | 住宅电话
phone:other = other phone | phone other | 其他电话 | 其它电话 | 备用电话
address.country = country | country region | country code | mailing country | address 1 country region
address.country = 国家 | 国家地区 | 邮寄国家 | 邮寄国家地区 | 地址1国家地区
address.province = province | state | state province | state region | region | mailing state | mailing state province
address.province = address 1 state province | 省 | 省份 | 省州 | 州 | 州地区 | 地区 | 邮寄州 | 邮寄省州 | 地址1省市自治区
address.city = city | town | mailing city | address 1 city | 市 | 城市 | 县市 | 所在城市 | 邮寄城市 | 地址1市县 | 地址1城市
address.district = district | county | address 1 county | 区 | 县 | 区县 | 县区 | 地址1县
address.street = address | address line 1 | street | street address | street 1 | mailing street | mailing address
address.street = address 1 street 1 | 地址 | 详细地址 | 街道 | 街道地址 | 联系地址 | 通讯地址 | 收货地址 | 住址
address.street = 邮寄街道 | 邮寄地址 | 地址1街道1
address.postal_code = postal code | postcode | zip | zip code | zip postal code | mailing zip | mailing postal code
address.postal_code = mailing zip postal code | address 1 zip postal code | 邮编 | 邮政编码 | 邮递区号 | 邮寄邮编
address.postal_code = 邮寄邮政编码 | 地址1邮政编码
external:import = id | record id | contact id | customer id | client id | member id | user id | external id
external:import = customer no | customer number | customer code | 编号 | 记录ID | 唯一性ID | 客户编号 | 客户编码 | 客户代码
external:import = 客户代号 | 客户ID | 会员编号 | 会员号 | 会员ID | 用户编号 | 用户ID | 联系人编号 | 联系人ID
company = company | company name | organization | organization name | organisation | organisation name | account
company = account name | employer | associated company | associated company primary | customer | customer name
company = 公司 | 公司名称 | 所属公司 | 关联公司 | 企业 | 企业名称 | 单位 | 单位名称 | 工作单位 | 账户名称 | 客户名 | 客户名称 | 客户
company:external:import = company id | account id | account name id | organization id | primary associated company id
company:external:import = associated company ids | associated company ids primary | 公司编号 | 公司ID | 企业编号 | 单位编号
consent.email = email opt in | email consent | email marketing consent | accepts email marketing | accepts marketing
consent.email = email marketing | newsletter | newsletter opt in | subscribed | email subscription status | 订阅邮件
consent.email = 邮件订阅 | 接收邮件 | 接受邮件营销 | 同意接收邮件 | 是否同意接收邮件 | 是否接收邮件 | 是否订阅 | 是否订阅邮件
consent.sms = sms opt in | sms consent | sms marketing consent | accepts sms marketing | 订阅短信 | 短信订阅 | 接收短信
consent.sms = 同意接收短信 | 是否同意接收短信 | 是否接收短信
consent.phone = phone opt in | phone consent | call consent | 同意电话联系 | 是否同意电话联系 | 接听电话营销
consent.post = mail opt in | postal consent | direct mail consent | 同意接收信函 | 是否同意接收信函
consent.wecom = wecom consent | wechat consent | 同意企业微信联系 | 是否同意企业微信联系 | 同意微信联系
opt_out.email = email opt out | email opted out | opted out of email | has opted out of email | unsubscribed
opt_out.email = unsubscribed from all email | email unsubscribed | do not email | is unsubscribed | 退订 | 是否退订
opt_out.email = 邮件退订 | 退订邮件 | 退出电子邮件 | 选择不接收电子邮件 | 请勿发送邮件 | 不接收邮件 | 拒收邮件
opt_out.sms = sms opt out | do not text | sms unsubscribed | 短信退订 | 退订短信 | 不接收短信 | 拒收短信
opt_out.phone = do not call | phone opt out | call opt out | 请勿致电 | 谢绝来电 | 勿打电话 | 不接电话营销
opt_out.post = do not mail | mail opt out | do not send direct mail | 请勿邮寄 | 不接收信函
owner = owner | owner email | contact owner | account manager | sales rep | 负责人 | 负责人邮箱 | 所有者 | 业务员
owner = 客户经理 | 销售代表 | 跟进人
""",
    "company": """
name = name | company | company name | account | account name | organization | organization name | organisation
name = organisation name | customer | customer name | client name | business name | legal name | 名称 | 公司 | 公司名称
name = 公司全称 | 企业 | 企业名称 | 单位名称 | 组织名称 | 账户名称 | 客户 | 客户名 | 客户名称 | 客户全称
domain = domain | domain name | company domain name | website | website url | url | homepage | 域名 | 公司域名 | 网址
domain = 网站 | 官网 | 主页 | 公司网址 | 公司网站 | 客户网站
industry = industry | sector | 行业 | 所属行业 | 客户行业 | 行业类别 | 1级行业
employees = employees | number of employees | no of employees | employee count | headcount | 员工 | 员工数 | 员工人数
employees = 员工数量 | 员工总数 | 职工人数 | 总人数 | 人数
region = region | state | province | state region | state province | billing state | billing state province
region = address 1 state province | state county of address | 地区 | 区域 | 大区 | 省 | 省份 | 州 | 州地区 | 所在地区 | 账单州
region = 账单省州 | 地址1省市自治区
country = country | country region | country code | billing country | address 1 country region | country of address
country = 国家 | 国家地区 | 账单国家 | 账单国家地区 | 地址1国家地区
parent = parent | parent company | parent account | parent organization | 母公司 | 总公司 | 上级公司 | 上级单位
parent = 上级客户 | 父公司 | 父客户
owner = owner | owner email | company owner | account owner | account manager | sales rep | 负责人 | 负责人邮箱
owner = 所有者 | 业务员 | 客户经理 | 销售代表 | 跟进人
external:import = id | record id | company id | account id | account number | organization id | customer id
external:import = customer no | customer number | customer code | external id | 编号 | 记录ID | 唯一性ID | 公司编号 | 公司ID
external:import = 客户编号 | 客户编码 | 客户代码 | 客户代号 | 客户ID | 企业编号 | 单位编号
""",
    "product": """
sku = sku | sku code | stock code | code | product code | product number | item code | item number | part number
sku = article number | 编码 | 商品编码 | 商品编号 | 产品编码 | 产品编号 | 货号 | 料号 | 品号 | 款号 | 物料编码 | 物料编号
name = name | title | product | product name | item | item name | 名称 | 商品 | 商品名 | 商品名称 | 产品 | 产品名称 | 品名
name = 货品名称 | 物料名称
category = category | type | group | product category | product type | product group | 类别 | 分类 | 类目 | 品类
category = 商品分类 | 商品类别 | 商品类目 | 产品分类 | 产品类别
price = price | unit price | list price | sales price | selling price | retail price | standard price | 价格 | 单价
price = 售价 | 定价 | 标价 | 标准价格 | 销售价 | 零售价 | 建议售价
cost = cost | unit cost | cost price | cost per item | purchase price | 成本 | 成本价 | 单位成本 | 进价 | 进货价 | 采购价
active = active | is active | enabled | available | published | 上架 | 是否上架 | 启用 | 是否启用 | 在售 | 有效 | 是否有效
external:import = id | record id | external id | product id | item id | 编号 | 商品ID | 产品ID
""",
    "order": """
number = number | order | order number | order no | order id | order name | sales order | invoice | invoice no
number = invoice number | 订单 | 订单号 | 订单编号 | 订单ID | 单号 | 销售单号 | 交易单号 | 发票号 | 发票号码 | 合同编号
contact:external:import = customer id | customer no | customer number | customer code | contact id | client id
contact:external:import = member id | user id | 客户编号 | 客户编码 | 客户代码 | 客户代号 | 客户ID | 会员编号 | 会员号 | 会员ID
contact:external:import = 用户编号 | 用户ID | 买家ID
contact:email = email | email address | customer email | contact email | buyer email | 邮箱 | 电子邮箱 | 电子邮件
contact:email = 客户邮箱 | 买家邮箱
contact:phone = phone | phone number | mobile | customer phone | contact phone | 电话 | 联系电话 | 手机 | 手机号
contact:phone = 手机号码 | 客户电话 | 客户手机 | 买家手机 | 收货人手机
company = company | company name | account | account name | organization | 公司 | 公司名称 | 企业名称 | 单位名称 | 客户名称
company:external:import = company id | account id | organization id | 公司编号 | 公司ID | 企业编号 | 单位编号
channel = channel | sales channel | order source | platform | store | shop | 渠道 | 销售渠道 | 下单渠道 | 来源 | 订单来源
channel = 平台 | 店铺 | 门店
country = country | country region | shipping country | billing country | 国家 | 国家地区 | 收货国家
discount = discount | discount amount | total discount | 折扣 | 折扣金额 | 优惠 | 优惠金额 | 整单折扣
tax = tax | taxes | tax amount | sales tax | vat | 税 | 税额 | 税费 | 税金
total = total | amount | total amount | total price | grand total | order total | order amount | 金额 | 合计 | 总计
total = 总额 | 总价 | 总金额 | 订单金额 | 订单总额 | 实付金额 | 应付金额 | 成交金额 | 价税合计 | 合同金额
placed_at = placed at | ordered at | date | order date | order time | created at | purchase date | invoice date | 日期
placed_at = 下单时间 | 下单日期 | 订单时间 | 订单日期 | 订购日期 | 购买时间 | 购买日期 | 创建时间 | 销售日期 | 成交时间 | 交易时间
due_on = due | due on | due date | payment due | 到期日 | 到期日期 | 付款期限 | 应付日期 | 应收日期
paid_at = paid at | paid on | paid date | date paid | payment date | 付款时间 | 付款日期 | 支付时间 | 支付日期
shipped_at = shipped at | ship date | shipping date | date shipped | 发货时间 | 发货日期 | 出货日期 | 出库时间
cancelled_at = cancelled at | canceled at | cancel date | cancellation date | 取消时间 | 取消日期 | 作废时间
refunded = refunded | refunded amount | refund | refund amount | total refunded | 退款 | 退款金额 | 已退金额
owner = owner | owner email | sales rep | salesperson | account manager | 负责人 | 负责人邮箱 | 业务员 | 销售员 | 销售代表
external:import = external id | record id | transaction id | 记录ID | 外部编号 | 外部单号 | 原始单号 | 交易号
""",
    "deal": """
name = deal name | deal title | deal | opportunity name | opportunity | name | 商机名称 | 商机 | 业务机会名称 | 机会名称 | 销售机会 | 交易名称 | 名称
amount = amount | deal amount | value | deal value | opportunity amount | close value | estimated value | 金额 | 商机金额
amount = 预计金额 | 预计销售金额 | 成交金额 | 合同金额
expected_close = expected close | expected close date | estimated close date | 预计成交日期 | 预计成交时间 | 预计结单日期
expected_close = 预计签单日期 | 预计签约日期
probability = probability | win probability | 概率 | 赢率 | 赢单概率 | 成交概率 | 可能性
stage = stage | deal stage | sales stage | opportunity stage | pipeline stage | 阶段 | 销售阶段 | 商机阶段 | 跟进阶段 | 商机状态
opened_at = created | created at | create date | created date | creation date | deal created | opened at | 创建时间 | 创建日期
opened_at = 商机创建时间 | 立项日期
closed_at = closed | closed at | closed on | close date | closed date | won time | deal closed on | 结单日期 | 成交日期 | 成交时间
closed_at = 关闭日期 | 结束日期
lost_reason = lost reason | loss reason | closed lost reason | reason lost | 输单原因 | 丢单原因 | 流失原因 | 失败原因
channel = channel | lead source | source | 渠道 | 来源 | 商机来源
campaign = campaign | campaign name | primary campaign source | 市场活动 | 营销活动
next_step = next step | next steps | 下一步 | 下一步计划
next_step_on = next step date | next activity date | 下一步日期 | 下次跟进时间
sku = sku | product code | 产品编码 | 产品编号 | 商品编码
product = product | product name | 产品 | 产品名称 | 商品 | 意向产品
quantity = quantity | qty | 数量
unit_price = unit price | sales price | 单价
owner = owner | deal owner | opportunity owner | sales agent | sales rep | owner email | 负责人 | 所有者 | 商机负责人 | 销售
owner = 业务员
company = company | company name | account | account name | organization | associated company
company = associated company primary | 公司 | 公司名称 | 关联公司 | 客户 | 客户名 | 客户名称
company:external:import = company id | account id | organization id | 公司编号 | 公司ID | 客户编号 | 客户ID
contact:external:import = contact id | 联系人编号 | 联系人ID
contact:email = email | contact email | 邮箱 | 联系人邮箱
contact:phone = phone | contact phone | mobile | 电话 | 手机 | 联系人手机
external:import = id | record id | deal id | opportunity id | external id | 编号 | 记录ID | 商机编号 | 商机ID | 交易编号
""",
    "interaction": """
kind = kind | type | activity type | interaction type | event type | 类型 | 活动类型 | 互动类型 | 跟进方式 | 跟进类型
kind = 沟通方式 | 拜访方式 | 记录类型
channel = channel | medium | platform | source | 渠道 | 沟通渠道 | 平台 | 来源
direction = direction | 方向 | 呼叫方向 | 呼入呼出
at = at | date | time | date time | timestamp | start time | started at | occurred at | created at | 时间 | 日期
at = 发生时间 | 开始时间 | 创建时间 | 跟进时间 | 沟通时间 | 联系时间 | 互动时间 | 通话时间 | 拜访时间 | 访问时间
duration_seconds = duration | duration seconds | duration in seconds | 时长 | 时长秒 | 通话时长 | 持续时间
subject = subject | title | topic | 主题 | 标题 | 事项
body = body | content | text | message | note | notes | description | comment | comments | details | summary | 内容
body = 正文 | 描述 | 详情 | 备注 | 留言 | 跟进内容 | 跟进记录 | 沟通内容 | 沟通记录 | 通话内容 | 拜访内容
page = page | page url | url | link | landing page | 页面 | 页面地址 | 访问页面 | 网址 | 链接
campaign = campaign | campaign name | utm campaign | 活动 | 活动名称 | 营销活动 | 市场活动 | 广告系列
session = session | session id | visit id | 会话 | 会话ID | 会话编号 | 访问ID
contact:external:import = customer id | customer no | customer number | customer code | contact id | client id
contact:external:import = member id | user id | 客户编号 | 客户编码 | 客户代码 | 客户ID | 会员编号 | 会员号 | 会员ID | 用户编号
contact:external:import = 用户ID | 联系人编号 | 联系人ID
contact:email = email | email address | customer email | contact email | 邮箱 | 电子邮箱 | 电子邮件 | 客户邮箱
contact:phone = phone | phone number | mobile | customer phone | contact phone | 电话 | 联系电话 | 手机 | 手机号
contact:phone = 手机号码 | 客户电话 | 客户手机
company = company | company name | account | account name | organization | 公司 | 公司名称 | 企业名称 | 单位名称 | 客户名称
product = product | sku | product sku | product code | stock code | item code | 商品编码 | 商品编号 | 产品编码 | 产品编号 | 货号
owner = owner | owner email | agent | agent email | assigned to | 负责人 | 负责人邮箱 | 跟进人 | 坐席 | 客服 | 业务员 | 拜访人
external:import = id | external id | record id | activity id | interaction id | call id | event id | 编号 | 记录ID | 流水号
""",
    "cost": """
day = day | date | spend date | spent on | cost date | expense date | 日期 | 花费日期 | 消耗日期 | 费用日期 | 支出日期 | 发生日期
kind = kind | cost kind | cost type | expense type | expense category | 费用类型 | 费用类别 | 支出类型
amount = amount | spend | ad spend | amount spent | cost | expense | 花费 | 消费 | 消耗 | 费用 | 费用金额 | 支出 | 支出金额 | 投放金额 | 金额
channel = channel | platform | medium | 渠道 | 投放渠道 | 推广渠道 | 平台
campaign = campaign | campaign name | utm campaign | 活动 | 活动名称 | 营销活动 | 市场活动 | 广告系列 | 推广计划
source = source | invoice | bill | 来源 | 账单 | 发票号
owner = owner | owner email | 负责人 | 负责人邮箱
note = note | notes | remark | description | 备注 | 说明
external:import = id | external id | record id | cost id | expense id | 编号 | 费用编号 | 流水号
""",
    "line": """
number = number | order | order number | order no | order id | invoice | invoice no | invoice number | 订单 | 订单号
number = 订单编号 | 订单ID | 单号 | 销售单号 | 交易单号 | 发票号 | 发票号码
at = at | date | order date | order time | invoice date | purchase date | transaction date | created at | 日期
at = 下单时间 | 下单日期 | 订单时间 | 订单日期 | 订购日期 | 购买时间 | 购买日期 | 创建时间 | 销售日期 | 成交时间 | 交易时间
sku = sku | sku code | stock code | product code | item code | item number | part number | article number | 商品编码
sku = 商品编号 | 产品编码 | 产品编号 | 货号 | 料号 | 品号 | 款号 | 物料编码 | 物料编号
description = description | product | product name | product description | item | item name | 描述 | 商品 | 商品名称
description = 商品描述 | 商品标题 | 产品 | 产品名称 | 品名 | 货品名称
quantity = quantity | qty | units | units sold | 数量 | 件数 | 销量 | 商品数量 | 购买数量 | 订购数量 | 销售数量
unit_price = unit price | price | item price | price each | sales price | 单价 | 价格 | 售价 | 成交价 | 商品单价 | 销售单价
discount = discount | discount amount | line discount | 折扣 | 折扣金额 | 优惠 | 优惠金额
channel = channel | sales channel | order source | platform | store | shop | 渠道 | 销售渠道 | 下单渠道 | 来源 | 订单来源
channel = 平台 | 店铺 | 门店
country = country | country region | shipping country | 国家 | 国家地区 | 收货国家
customer = customer | customer id | customer no | customer number | customer code | client id | member id | user id | 客户编号
customer = 客户编码 | 客户代码 | 客户代号 | 客户ID | 会员编号 | 会员号 | 会员ID | 用户编号 | 用户ID | 买家ID
customer_name = customer | customer name | client name | buyer | buyer name | 姓名 | 客户 | 客户名称 | 客户姓名 | 会员姓名
customer_name = 买家 | 买家姓名 | 收货人
customer_email = email | email address | customer email | buyer email | 邮箱 | 电子邮箱 | 电子邮件 | 客户邮箱 | 买家邮箱
customer_phone = phone | phone number | mobile | customer phone | 电话 | 联系电话 | 手机 | 手机号 | 手机号码 | 客户电话
customer_phone = 客户手机 | 买家手机 | 收货人手机
""",
}
ANY = """
tags = tags | tag | labels | label | 标签
currency = currency | currency code | 币种 | 币别 | 货币
"""


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Lines of ``path = name | name``; a path may have several lines."""
    listed: dict[str, tuple[str, ...]] = {}
    for line in text.strip().splitlines():
        path, _, names = line.partition(" = ")
        listed[path] = (*listed.get(path, ()), *names.split(" | "))
    return listed
