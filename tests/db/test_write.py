"""What is remembered of writing."""

from app.db import write


def test_the_texts_that_are_remembered_are_bounded():
    for text in (write._adding, write._changing):
        assert text.cache_parameters()["maxsize"], "there are as many texts as there are sets of fields"
