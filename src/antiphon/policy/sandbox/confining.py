"""One command in a sandbox: its bounds as things are now, how it is started, and what is undone and told afterwards."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Protocol

from antiphon.policy.sandbox.base import Confined
from antiphon.policy.sandbox.environment import confined_environment
from antiphon.policy.sandbox.grounds import Grounds
from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.profile import Profile
from antiphon.policy.sandbox.watching import Watch


class Keeper(Protocol):
    """What keeps a command within a profile."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def covers(self) -> bool:
        """Whether it can refuse changes of single files in a directory that may be changed."""
        ...

    def start(
        self, profile: Profile, argv: Sequence[str], cwd: Path, env: Mapping[str, str]
    ) -> AbstractContextManager[Confined]:
        """Return how to start a command.

        Raises:
            OSError: it cannot be confined now.
        """
        ...


class Confinement:
    """A sandbox: a keeper, and the grounds that it keeps commands within."""

    def __init__(
        self, keeper: Keeper, grounds: Grounds, *, keep: Collection[str] = (), proxy: DomainProxy | None = None
    ) -> None:
        """Confine commands.

        Args:
            keeper: what does it.
            grounds: what commands may see and change.
            keep: variables that they get although they look like secrets.
            proxy: the way to the hosts they may reach; it says which it refused.
        """
        self._keeper = keeper
        self._grounds = grounds
        self._keep = keep
        self._proxy = proxy
        # Commands in the background are another thread's.
        self._counting = Lock()
        self._open = 0
        self._profile: Profile | None = None

    @property
    def name(self) -> str:
        """What keeps it."""
        return self._keeper.name

    @property
    def grounds(self) -> Grounds:
        """What commands may see and change."""
        return self._grounds

    @asynccontextmanager
    async def confine(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, lasting: bool = False
    ) -> AsyncGenerator[Confined]:
        """Return how to start a command; afterwards undo what it made of protected files.

        Raises:
            OSError: the sandbox cannot be set up now.
        """
        protected = self._grounds.protected()
        refusals = self._proxy.refusals if self._proxy is not None else 0
        notes: list[str] = []
        profile = self._opened(protected)
        try:
            covered = frozenset(profile.read_only) if self._keeper.covers else frozenset[Path]()
            watch = Watch(self._grounds, protected, covered=covered)
        except BaseException:
            self._closed()
            raise
        try:
            with self._keeper.start(profile, argv, cwd, confined_environment(env, self._keep)) as confined:
                notes = confined.notes
                yield confined
        finally:
            self._closed()
            try:
                notes += watch.tell() if lasting else watch.restore()
            except OSError as error:
                notes.append(f"What the command did to protected files could not be undone: {error}.")
            notes += self._refused(refusals)

    def _opened(self, protected: Sequence[Path]) -> Profile:
        """Return what the command may do.

        While others run, what they made meanwhile is not mounted: one could exchange it for a link between our look and
        its use. What is hidden is looked up each time, for nothing of it is mounted.
        """
        with self._counting:
            profile = self._grounds.profile(protected)
            if self._profile is None or not self._open:
                self._profile = profile
            self._open += 1
            return replace(self._profile, hidden=profile.hidden)

    def _closed(self) -> None:
        with self._counting:
            self._open -= 1

    def _refused(self, since: int) -> list[str]:
        hosts = self._proxy.refused(since) if self._proxy is not None else ()
        if not hosts:
            return []
        return [
            f"The sandbox refused connections to {', '.join(hosts)}. The user can allow hosts with `sandbox_domains`."
        ]
