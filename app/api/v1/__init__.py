"""Every router, in the order of the document."""

from fastapi import APIRouter

from app.api.v1 import companies, contacts, interactions, orders, products

ROUTERS: tuple[APIRouter, ...] = (
    contacts.router,
    companies.router,
    products.router,
    orders.router,
    interactions.router,
)
