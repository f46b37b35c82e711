"""Refusals that are true answers: of well-formed requests, by their code, and of single items in a bulk."""

import schemathesis

UNSAYABLE = {
    "ahead_too_far": "How many steps are too many depends on how long they are.",
    "already_over": "A time that has passed depends on the clock.",
    "amount_differs": "Amounts are summed.",
    "amount_out_of_range": "Amounts are summed.",
    "approval_role_missing": "Which roles approve is the pipeline's to say.",
    "at_in_future": "A time that has not come depends on the clock.",
    "before_entered": "Two times of one deal are compared.",
    "before_placed": "Two times of one order are compared.",
    "beyond_own": "What the caller may do is not in a shape.",
    "beyond_user": "What the key's user may do is not in a shape.",
    "campaign_not_carried": "One field is allowed by the value of another.",
    "choices_not_here": "One field is allowed by the value of another.",
    "column_unknown": "What columns a file has is not in the mapping's shape.",
    "columns_too_many": "What a file holds is not in the shape of its bytes.",
    "compare_incomplete": "One field is allowed by the value of another.",
    "compare_overlaps": "Two windows are compared.",
    "competitor_twice": "Ids of one request are compared.",
    "condition_invalid": "Which values a field can be compared with depends on its kind, and custom fields differ by tenant.",
    "contact_unknown": "Whether a record exists is not in its id.",
    "credit_not_whole": "Shares are summed.",
    "credit_owner_twice": "Ids of one request are compared.",
    "credit_share_invalid": "A share is written exactly, as text, and no pattern compares numbers.",
    "cursor_invalid": "A cursor is opaque and signed by the list that gave it out.",
    "custom_field_invalid": "Custom fields differ by tenant.",
    "custom_field_missing": "Custom fields differ by tenant.",
    "custom_field_unknown": "Custom fields differ by tenant.",
    "email_invalid": "No pattern tells e-mail addresses from others (RFC 5322).",
    "encoding_unknown": "What a file holds is not in the shape of its bytes.",
    "field_unknown": "Custom fields differ by tenant.",
    "file_empty": "What a file holds is not in the shape of its bytes.",
    "format_unknown": "What a file holds is not in the shape of its bytes.",
    "gzip_broken": "What a file holds is not in the shape of its bytes.",
    "header_missing": "What a file holds is not in the shape of its bytes.",
    "header_twice": "What a file holds is not in the shape of its bytes.",
    "header_undecodable": "What a file holds is not in the shape of its bytes.",
    "hours_invalid": "The two times of hours are compared.",
    "hours_overlap": "The hours of one day are compared.",
    "idempotency_key_reused": "It depends on the requests before.",
    "incomplete": "Whether a record is there, and needs only what changes, is not in its external id.",
    "line_below_zero": "Fields of one line are multiplied and subtracted.",
    "lost_reason_missing": "Blanks are taken away before a reason is measured.",
    "lost_to_not_lost": "Which stages are lost differs by pipeline.",
    "mapping_changes_kind": "Which stages there are differs by pipeline.",
    "mapping_from_outside": "Which stages there are differs by pipeline.",
    "mapping_leads_outside": "Which stages there are differs by pipeline.",
    "mapping_not_needed": "Which stages there are differs by pipeline.",
    "match_unknown": "What columns a file has is not in the mapping's shape.",
    "not_of_kind": "Which fields go with which kind is not said by a list of fields.",
    "noun_missing": "It depends on which of the others are there.",
    "noun_unknown": "Shapes stand below the list of nouns; the refusal names them all.",
    "others_invalid": "Ids of one request are compared.",
    "password_same": "Two passwords are compared.",
    "password_wrong": "Only the service knows the password.",
    "path_twice": "What columns a file has is not in the mapping's shape.",
    "path_unknown": "What columns a file has is not in the mapping's shape.",
    "period_backwards": "Two moments are compared.",
    "period_over": "Two days are compared.",
    "period_too_far": "Two days are compared.",
    "period_too_long": "Two moments are compared.",
    "pipeline_invalid": "Stages and the moves between them are compared.",
    "preset_unknown": "Shapes stand below the list of presets; the refusal names them all.",
    "q_not_here": "Which nouns have text to search by is not in their shape.",
    "promotion_reversed": "Two days are compared.",
    "reference_unknown": "Whether a record exists is not in its id.",
    "person_twice": "Ids of one request are compared.",
    "fallback_mismatch": "One field is asked for by the value of another.",
    "territory_missing": "One field is asked for by the value of another.",
    "record_or_id": "Which fields go together is not said by a list of fields.",
    "quota_currency": "One field is asked for by the value of another.",
    "quota_ends_early": "Two days are compared.",
    "quota_of_two": "Which fields go together is not said by a list of fields.",
    "same_currency": "Two currencies are compared.",
    "segment_kind": "Which fields go with which kind is not said by a list of fields.",
    "segment_unknown": "Whether a record exists is not in its id.",
    "sheet_unknown": "What a file holds is not in the shape of its bytes.",
    "sort_twice": "The fields of one text are compared.",
    "sort_unknown": "Custom fields differ by tenant.",
    "sight_too_narrow": "What the caller may see is not in a shape.",
    "special_day_twice": "The dates of one list are compared.",
    "stage_missing": "One field is allowed by the value of another.",
    "stage_not_in_pipeline": "Which stages there are differs by pipeline.",
    "stages_missing": "Either of two fields will do.",
    "template_and_stages": "Which fields go together is not said by a list of fields.",
    "time_out_of_range": "Offsets from UTC are known for fewer years than moments can be told in.",
    "time_zone_unknown": "The list of time zones grows by itself (IANA).",
    "total_below_zero": "Amounts are summed.",
    "total_differs": "Amounts are summed.",
    "total_too_large": "Amounts are summed.",
    "unpacked_too_large": "What a file holds is not in the shape of its bytes.",
    "window_reversed": "Two days are compared.",
    "xlsx_broken": "What a file holds is not in the shape of its bytes.",
    "words_missing": "Either of two languages will do.",
    "question_unknown": "What a form can ask for is told by the fields that contacts have.",
    "question_twice": "What a form can ask for is told by the fields that contacts have.",
    "form_unreachable": "What a form can ask for is told by the fields that contacts have.",
    "choice_unknown": "What a form can ask for is told by the fields that contacts have.",
}
"""Code of a 403 or 422 to the reason why it cannot be a schema's."""


def code_of(answer: schemathesis.Response) -> str | None:
    """The code of a problem; None of another answer."""
    if not answer.headers.get("content-type", [""])[0].startswith("application/problem"):
        return None
    code: str = answer.json()["code"]
    return code


def unsayable(answer: schemathesis.Response) -> bool:
    """Whether a well-formed request was refused for what no schema can say."""
    return answer.status_code in {403, 422} and code_of(answer) in UNSAYABLE


def item_by_item(answer: schemathesis.Response) -> bool:
    """Whether a bulk was taken, and an item in it refused: that one bad item costs no other is what a bulk is for."""
    if answer.status_code != 200 or "/bulk" not in str(answer.request.url):
        return False
    items = answer.json()["items"]
    return any(item["status"] == "failed" and item["problem"]["status"] == 422 for item in items)


def never_arrived(answer: schemathesis.Response) -> bool:
    """Whether the HTTP server itself refused the request line, as one longer than 65,535 bytes (RFC 9112, 3)."""
    return answer.status_code == 400 and "x-request-id" not in answer.headers
