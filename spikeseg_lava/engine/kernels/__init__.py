"""Compiled loops of the event engine."""
