"""Every router, in the order of the document."""

from fastapi import APIRouter

from app.api.v1 import (
    companies,
    contacts,
    custom_fields,
    events,
    exchange_rates,
    interactions,
    orders,
    privacy,
    products,
    runs,
    search,
    tags,
)

ROUTERS: tuple[APIRouter, ...] = (
    contacts.router,
    companies.router,
    products.router,
    orders.router,
    interactions.router,
    custom_fields.router,
    exchange_rates.router,
    search.router,
    events.router,
    tags.router,
    runs.router,
    privacy.router,
)
