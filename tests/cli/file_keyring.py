"""A keyring in a file, as a package of the system would bring one; for processes that tests start."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Keeps passwords in the file that `TEST_KEYRING` names."""

    priority = 1  # pyright: ignore[reportAssignmentType]  (a property of the class, in a way no checker knows)

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._kept(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError
        self._keep(kept)

    def _kept(self) -> dict[str, str]:
        file = self._file()
        return json.loads(file.read_text()) if file.exists() else {}

    def _keep(self, kept: dict[str, str]) -> None:
        self._file().write_text(json.dumps(kept))

    def _file(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])
