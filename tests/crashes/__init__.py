"""Everything killed in the middle of everything: `python -m tests.crashes --minutes 10`, and a short way in the tests."""
