"""Every noun by its name."""

from collections.abc import Mapping

from app.db.api_keys import API_KEYS
from app.db.assignment_rules import ASSIGNMENT_RULES
from app.db.calendars import CALENDARS
from app.db.companies import COMPANIES
from app.db.competitor_prices import COMPETITOR_PRICES
from app.db.competitors import COMPETITORS
from app.db.contacts import CONTACTS
from app.db.costs import COSTS
from app.db.custom_fields import CUSTOM_FIELDS
from app.db.deals import DEALS
from app.db.duplicates import DUPLICATES
from app.db.exchange_rates import EXCHANGE_RATES
from app.db.exports import EXPORTS
from app.db.forms import FORMS
from app.db.imports import IMPORTS
from app.db.interactions import INTERACTIONS
from app.db.merges import MERGES
from app.db.nouns import Noun
from app.db.observations import OBSERVATIONS
from app.db.orders import ORDERS
from app.db.pipelines import PIPELINES
from app.db.presets import PRESETS
from app.db.products import PRODUCTS
from app.db.quotas import QUOTAS
from app.db.roles import ROLES
from app.db.runs import RUNS
from app.db.segments import SEGMENTS
from app.db.tags import TAGS
from app.db.tasks import TASKS
from app.db.teams import TEAMS
from app.db.users import USERS

NOUNS: Mapping[str, Noun] = {
    noun.name: noun
    for noun in (
        CONTACTS,
        COMPANIES,
        PRODUCTS,
        ORDERS,
        DEALS,
        PIPELINES,
        QUOTAS,
        ASSIGNMENT_RULES,
        COMPETITORS,
        TASKS,
        COMPETITOR_PRICES,
        OBSERVATIONS,
        COSTS,
        INTERACTIONS,
        TAGS,
        SEGMENTS,
        CUSTOM_FIELDS,
        EXCHANGE_RATES,
        CALENDARS,
        USERS,
        TEAMS,
        ROLES,
        API_KEYS,
        RUNS,
        IMPORTS,
        EXPORTS,
        PRESETS,
        FORMS,
        DUPLICATES,
        MERGES,
    )
}
OWNED = tuple(name for name, noun in NOUNS.items() if noun.owned)
"""The nouns whose records belong to somebody."""
