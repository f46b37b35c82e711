"""Checks whose size is chosen, small in the tests and large by hand."""
