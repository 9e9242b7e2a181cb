"""One settings model, and where its values come from.

Weakest first: the defaults, the user's file, the project's file, the project's local file, the environment, the flags.
Lists of all of them add up. What a repository brings along is data: only a few keys of a project's files count, and
most of those only once a person has trusted what they say. Keys and addresses of the model API are no settings; its
client reads them from the environment (`ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`) or the system's keyring.
"""

from antiphon.settings.loading import Loaded, Waiting, load, load_all
from antiphon.settings.model import ENVIRONMENT_PREFIX, KEYS, Settings, split_names
from antiphon.settings.sources import IN_FILES_ONLY, user_file

__all__ = [
    "ENVIRONMENT_PREFIX",
    "IN_FILES_ONLY",
    "KEYS",
    "Loaded",
    "Settings",
    "Waiting",
    "load",
    "load_all",
    "split_names",
    "user_file",
]
