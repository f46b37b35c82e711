"""Refusals of well-formed requests, by their code, each with what no schema can say."""

UNSAYABLE = {
    "already_over": "A time that has passed depends on the clock.",
    "before_placed": "Two times of one order are compared.",
    "choices_not_here": "One field is allowed by the value of another.",
    "condition_invalid": "Which values a field can be compared with depends on its kind, and custom fields differ by tenant.",
    "cursor_invalid": "A cursor is opaque and signed by the list that gave it out.",
    "custom_field_invalid": "Custom fields differ by tenant.",
    "custom_field_missing": "Custom fields differ by tenant.",
    "custom_field_unknown": "Custom fields differ by tenant.",
    "email_invalid": "No pattern tells e-mail addresses from others (RFC 5322).",
    "field_unknown": "Custom fields differ by tenant.",
    "idempotency_key_reused": "It depends on the requests before.",
    "line_below_zero": "Fields of one line are multiplied and subtracted.",
    "noun_missing": "It depends on which of the others are there.",
    "password_same": "Two passwords are compared.",
    "password_wrong": "Only the service knows the password.",
    "q_not_here": "Which nouns have text to search by is not in their shape.",
    "reference_unknown": "Whether a record exists is not in its id.",
    "same_currency": "Two currencies are compared.",
    "sort_twice": "The fields of one text are compared.",
    "sort_unknown": "Custom fields differ by tenant.",
    "time_zone_unknown": "The list of time zones grows by itself (IANA).",
    "total_below_zero": "Amounts are summed.",
    "total_differs": "Amounts are summed.",
    "total_too_large": "Amounts are summed.",
}
"""Code of a 422 to the reason why it cannot be a schema's."""
