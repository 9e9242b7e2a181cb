"""The log on disk: one SQLite file per session, to whose end records are added, and what is done when it is damaged."""
