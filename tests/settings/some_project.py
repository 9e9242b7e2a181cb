"""A home with a project in it, and settings files in both."""

from pathlib import Path
from typing import Any

from antiphon.settings import Loaded, Settings, load_all, user_file


class Project:
    """A home with a project in it."""

    def __init__(self, home: Path) -> None:
        """Make the project; there are no settings yet."""
        self.home = home
        self.root = home / "project"
        self.root.mkdir()
        self.environment = {"HOME": str(home)}

    def says(self, text: str, *, local: bool = False) -> Path:
        """Write the project's settings, or its local ones."""
        path = self.root / ".antiphon" / ("settings.local.toml" if local else "settings.toml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def user_says(self, text: str) -> None:
        """Write the user's own settings."""
        path = user_file(self.environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def load(self, *, directory: Path | None = None, **flags: Any) -> Loaded:
        """Load the settings as the agent does that works here, or further down."""
        return load_all(flags, self.environment, directory or self.root)

    def trusted(self, **flags: Any) -> Settings:
        """Load the settings, and trust what the project wants."""
        return self.load(**flags).trusting().settings
