"""A hypothesis profile for a long search: `pytest tests/protocol --hypothesis-profile=explore`."""

from hypothesis import settings

settings.register_profile("explore", max_examples=4_000, deadline=None)
