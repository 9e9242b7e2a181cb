"""Sessions as files for others: Markdown, JSON, HTML. Pure: a summary and records in, text out.

Everything that is in a session is in its export, as it was: whoever is handed one reads all of it.
"""

from antiphon.sessions.export.html import to_html
from antiphon.sessions.export.json import to_json
from antiphon.sessions.export.markdown import to_markdown

__all__ = ["to_html", "to_json", "to_markdown"]
