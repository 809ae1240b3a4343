"""A forum in this process that speaks Discourse, for the demo and the tests."""
