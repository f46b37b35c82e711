"""Requests made from the OpenAPI document, thrown at the running service."""
