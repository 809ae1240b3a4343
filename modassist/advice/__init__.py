"""Facts of a case, and what a colleague could write and do."""
