"""Every router, in the order of the document."""

from fastapi import APIRouter

from app.api.v1 import (
    access,
    api_keys,
    auth,
    companies,
    contacts,
    custom_fields,
    events,
    exchange_rates,
    interactions,
    nouns,
    orders,
    privacy,
    products,
    roles,
    runs,
    search,
    settings,
    tags,
    teams,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    contacts.router,
    companies.router,
    products.router,
    orders.router,
    interactions.router,
    custom_fields.router,
    exchange_rates.router,
    search.router,
    nouns.router,
    events.router,
    tags.router,
    runs.router,
    privacy.router,
    users.router,
    teams.router,
    roles.router,
    api_keys.router,
    access.router,
    settings.router,
)
