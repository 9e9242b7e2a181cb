"""Fixtures for pytest; loaded by its entry point, so nothing heavy is imported here."""
