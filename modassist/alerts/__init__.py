"""Alerts to staff: who is told what, in which words, and what becomes of a message. Pure."""
