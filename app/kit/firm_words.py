"""Words that firms' names are made of besides their own: legal forms, trades, places, branches.

Small tables of the commonest, not whole registers; a word that is not here stays part of the name's core, on both sides
alike. Written as app.kit.names.folded leaves them: without case, width, accents and marks.
"""


def _words(text: str) -> list[str]:
    return text.split()


LEGAL_FORMS = frozenset(
    _words("""
    co company cos coltd corp corporation inc incorporated ltd limited lp llc llp lllp plc pllc ltda cic
    pty ptyltd proprietary pte pvt private privatelimited sdnbhd bhd unlimited ulc
    gmbh ggmbh ag kg kgaa ohg ug gbr ev eg ek se haftungsbeschrankt mbh gesmbh
    sa sas sasu sarl eurl snc scs scop sca spa srl srls sapa sl slu sau scoop slne
    bv nv cv vof bvba ab hb as asa ans aps oy oyj abp ivs ou uab sia
    sro spolsro spzoo spj zrt kft nyrt bt doo dd ad ood eood
    sadecv sapidecv srldecv cia eireli me epp
    oao ooo zao pao ао ооо зао оао пао ип тоо
    kk gk yk kabushikikaisha kabushikigaisha godokaisha yugenkaisha pt persero cvba jsc pjsc ojsc cjsc
    fze fzco fzllc wll kscc
    """)
)
"""Of writing with blanks: the words of a form run together, as in "co ltd", "sp z o o", "s a".

A subset of the abbreviations in the list of Entity Legal Forms (ISO 20275, kept by GLEIF), without its codes.
"""

LEADING_FORMS = frozenset(_words("ооо ао зао оао пао ип тоо ooo oao zao pao pt cv sarl sas"))
"""Those that stand before the name where they are used."""

HAN_FORMS = _words(
    "股份有限责任公司 股份有限公司 有限责任公司 有限公司 股份公司 总公司 集团公司 公司 集团 控股 "
    "股份有限責任公司 有限責任公司 總公司 集團公司 集團 有限合伙企业 有限合伙 普通合伙 特殊普通合伙 合伙企业 个人独资企业 个人独资 "
    "个体工商户 株式会社 有限会社 合同会社 合资会社 株式會社 有限會社"
)
"""Of China, Hong Kong, Taiwan and Japan, as they stand in the same list."""

SMALL = frozenset(_words("the and und et"))
"""Words that come and go."""

BRANCH_WORDS = frozenset(
    _words("branch branches filiale niederlassung zweigniederlassung succursale sucursal filial oddzial")
)
HAN_BRANCHES = _words(
    "分公司 分店 分行 支行 分部 分厂 分校 分所 办事处 代表处 营业部 门店 分院 分社 辦事處 營業部"
)
"""What has a name, but is no firm of its own (Company Law of the People's Republic of China 2023, article 13)."""

_TRADES = """
technology 信息科技 科技 技术 高科 technology technologies tech techno technologie teknoloji tecnologia
information 信息技术 信息 资讯 information info infotech
network 网络科技 网络 互联网 网络技术 network networks internet online
software 软件 软件开发 软件技术 software
data 大数据 数据 data analytics
electronics 电子 电子科技 电子技术 电器 electronic electronics elektronik electrical
commerce 电子商务 ecommerce
trade 贸易 商贸 商业 经贸 进出口 国际贸易 外贸 trading trade traders import export handel handels commerce commercial
industry 实业 工业 产业 industry industries industrial industrie
manufacturing 制造 制品 制造业 manufacturing manufacturers
machinery 机械 机械设备 设备 machinery machines maschinenbau machine equipment
automation 自动化 智能 智能科技 automation robotics
materials 材料 新材料 建材 materials
chemistry 化工 化学 chemical chemicals chemie
energy 能源 新能源 电力 energy power solar energie
metal 金属 钢铁 五金 metal metals metall steel
plastics 塑料 塑胶 plastics kunststoff
packaging 包装 packaging verpackung
printing 印刷 printing print
textile 纺织 服装 服饰 textile textiles apparel fashion garments clothing
food 食品 food foods lebensmittel
catering 餐饮 餐饮管理 catering restaurant restaurants
tea 茶业 茶叶 tea teas
agriculture 农业 农业科技 生态农业 agriculture agro farms farm
logistics 物流 货运 供应链 运输 供应链管理 logistics logistik transport freight shipping supply
travel 旅游 旅行社 travel tours tourism
hotel 酒店 酒店管理 hotel hotels
property 房地产 置业 物业 房地产开发 物业管理 property properties realty estate immobilien
building 建筑 建筑工程 工程 建设 建设工程 construction building builders engineering bau constructions
decoration 装饰 装饰工程 装修 decoration interiors
design 设计 design studio designs
advertising 广告 广告传媒 advertising ads
media 传媒 文化传媒 传播 文化传播 media
culture 文化 文化艺术 文化发展 culture arts
education 教育 教育科技 培训 教育咨询 education training academy learning
medicine 医药 药业 制药 生物医药 pharma pharmaceutical pharmaceuticals
biology 生物 生物科技 生物技术 bio biotech biotechnology
health 健康 医疗 医疗器械 健康管理 health healthcare medical
consulting 咨询 管理咨询 企业管理 企业管理咨询 商务咨询 信息咨询 咨询服务 consulting consultants consultancy advisory beratung
services 服务 服务中心 service services solutions
finance 金融 投资 投资管理 资产管理 资本 金融服务 finance financial capital investment investments invest
insurance 保险 insurance versicherung
law 律师事务所 法律 law legal attorneys
accounting 会计师事务所 会计 财务 税务 accounting accountants audit tax
car 汽车 汽车服务 汽车销售 automotive auto autos motors cars
furniture 家具 家居 furniture mobel
security 安防 保安 security
environment 环保 环保科技 环境 environment environmental
sale 销售 营销 销售服务 sales marketing
development 发展 开发 development
international 国际 international intl
holding 控股 投资控股 holding holdings group gruppe groupe grupo
"""
TRADES = {
    word: code for line in _TRADES.strip().splitlines() for code, *words in [line.split()] for word in words
}
"""A word of a name to what it says that the firm does; the commonest, in Chinese and in languages written in Latin."""
TRIFLES = frozenset({"international", "holding", "development", "services", "sale"})
"""Trades that say little, and come and go with the occasion."""

_CHINA = """
北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾
内蒙古 广西 西藏 宁夏 新疆 香港 澳门
石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 朔州 晋中 运城 忻州 临汾 吕梁
呼和浩特 包头 乌海 赤峰 通辽 鄂尔多斯 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 阜新 辽阳 盘锦 铁岭 葫芦岛 长春 四平 辽源 通化 白山 松原 白城
哈尔滨 齐齐哈尔 鸡西 鹤岗 双鸭山 大庆 伊春 佳木斯 七台河 牡丹江 黑河 绥化 南京 无锡 徐州 常州 苏州 南通 连云港 淮安 盐城 扬州 镇江 泰州 宿迁
杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 黄山 滁州 阜阳 宿州 六安 亳州 池州 宣城
福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 南昌 景德镇 萍乡 九江 新余 鹰潭 赣州 吉安 宜春 抚州 上饶
济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州 聊城 滨州 菏泽 郑州 开封 洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 漯河 三门峡
南阳 商丘 信阳 周口 驻马店 武汉 黄石 十堰 宜昌 襄阳 鄂州 荆门 孝感 荆州 黄冈 咸宁 随州 恩施 长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 郴州
永州 怀化 娄底 广州 韶关 深圳 珠海 汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 汕尾 河源 阳江 清远 东莞 中山 潮州 揭阳 云浮 南宁 柳州 桂林 梧州 北海
防城港 钦州 贵港 玉林 百色 贺州 河池 来宾 崇左 海口 三亚 成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中
贵阳 六盘水 遵义 安顺 毕节 铜仁 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 大理 拉萨 西安 铜川 宝鸡 咸阳 渭南 延安 汉中 榆林 安康 商洛
兰州 嘉峪关 金昌 白银 天水 武威 张掖 平凉 酒泉 庆阳 定西 西宁 银川 石嘴山 吴忠 固原 中卫 乌鲁木齐 克拉玛依 义乌 昆山 台北 高雄 台中 新竹 台南
"""
HAN_PLACES = tuple(sorted(_CHINA.split(), key=len, reverse=True))
"""Provinces and cities at the level of prefectures (GB/T 2260), without 省 and 市; the longest first."""

_WORLD = """
china|prc 香港|hongkong 澳门|macau|macao 台湾|taiwan 台北|taipei 高雄|kaohsiung 北京|peking 广州|canton 西藏|tibet 哈尔滨|harbin 乌鲁木齐|urumqi 呼和浩特|hohhot 拉萨|lhasa
germany|deutschland berlin hamburg munich|munchen|muenchen cologne|koln|koeln frankfurt stuttgart dusseldorf leipzig dresden hannover bremen nurnberg
austria|osterreich vienna|wien switzerland|schweiz|suisse zurich geneva|geneve basel bern france paris lyon marseille lille toulouse nantes bordeaux
uk|britain|unitedkingdom england scotland wales ireland london manchester birmingham leeds glasgow edinburgh liverpool bristol dublin cardiff belfast
usa|america|unitedstates newyork chicago boston houston dallas seattle atlanta denver miami philadelphia phoenix sandiego losangeles sanfrancisco austin detroit
canada toronto montreal vancouver ottawa calgary mexico monterrey guadalajara brazil|brasil saopaulo argentina buenosaires chile santiago colombia bogota peru lima
spain|espana madrid barcelona valencia sevilla portugal lisbon|lisboa porto italy|italia rome|roma milan|milano torino|turin naples|napoli
netherlands|nederland|holland amsterdam rotterdam utrecht belgium|belgie|belgique brussels|bruxelles antwerp|antwerpen luxembourg
sweden|sverige stockholm goteborg malmo norway|norge oslo denmark|danmark copenhagen finland|suomi helsinki estonia tallinn latvia riga lithuania vilnius
poland|polska warsaw|warszawa krakow gdansk czech|czechia prague|praha brno slovakia bratislava hungary budapest romania bucharest bulgaria sofia greece athens
russia moscow ukraine kyiv|kiev turkey|turkiye istanbul ankara israel telaviv uae dubai abudhabi saudi|saudiarabia riyadh qatar doha egypt cairo
india mumbai|bombay delhi|newdelhi bangalore|bengaluru chennai hyderabad pune kolkata singapore malaysia kualalumpur indonesia jakarta thailand bangkok vietnam hanoi hochiminh philippines manila
japan tokyo osaka kyoto korea seoul busan australia sydney melbourne brisbane perth newzealand auckland
southafrica johannesburg capetown kenya nairobi nigeria lagos
asia europe africa apac emea
"""
WORLD_PLACES = {word: each.split("|")[0] for each in _WORLD.split() for word in each.split("|")}
"""Countries, and cities of the world, with blanks left out, to one name of each."""

SHARED_DOMAINS = frozenset(
    _words("""
    qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn aliyun.com 21cn.com tom.com
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.jp yahoo.co.uk icloud.com me.com aol.com
    proton.me protonmail.com gmx.de gmx.net web.de t-online.de freenet.de orange.fr free.fr wanadoo.fr laposte.net libero.it
    mail.ru yandex.ru naver.com hanmail.net docomo.ne.jp btinternet.com comcast.net zoho.com
    facebook.com linkedin.com instagram.com twitter.com x.com weibo.com youtube.com tiktok.com douyin.com xiaohongshu.com
    1688.com alibaba.com taobao.com tmall.com jd.com made-in-china.com amazon.com ebay.com etsy.com pinduoduo.com
    wordpress.com blogspot.com wixsite.com squarespace.com myshopify.com shopify.com weebly.com github.io netlify.app vercel.app
    youzan.com weidian.com herokuapp.com azurewebsites.net web.app pages.dev google.com sites.google.com
    """)
)
"""Mailboxes for anybody, pages of anybody: what stands at one of them alone is nobody's own."""
SECOND_LEVELS = frozenset(_words("ac co com edu gov gob go net ne nom or org ltd plc me"))
"""Labels under a country's code that names are registered below (of the Public Suffix List, the commonest)."""
