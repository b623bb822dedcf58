"""Runs a network on any backend, verifies it, and runs recordings of any length or number."""
