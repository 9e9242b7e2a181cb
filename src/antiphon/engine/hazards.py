"""Which earlier unfinished calls stand in a call's way.

Knows what each call reads and writes, as paths of opaque parts. Does not know what a file is, how long anything takes,
or who approved it. A trie of the paths in use makes the cost of a call depend on its conflicts, not on how many calls
there are.
"""

from collections.abc import Iterator

from antiphon.engine.events import Access, Resource


class _Node:
    """A path in use: who reads and writes exactly it, and what lies below."""

    __slots__ = ("children", "readers", "users_below", "writers", "writers_below")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.readers: set[str] = set()
        self.writers: set[str] = set()
        self.users_below = 0
        self.writers_below = 0

    def below(self, *, writers_only: bool) -> Iterator[str]:
        """Yield the users (or writers) of all paths that this one is a proper prefix of."""
        # Not recursive: a path may be deeper than the stack.
        nodes: list[_Node] = [self]
        while nodes:
            node = nodes.pop()
            if (node.writers_below if writers_only else node.users_below) == 0:
                continue
            for child in node.children.values():
                yield from child.writers
                if not writers_only:
                    yield from child.readers
                nodes.append(child)


class Hazards:
    """The accesses of the unfinished calls of a turn."""

    def __init__(self) -> None:
        self._root = _Node()
        self._line: dict[str, tuple[int, Access]] = {}
        self._count = 0

    def add(self, key: str, access: Access) -> tuple[str, ...]:
        """Put a call in line and return the earlier unfinished calls it has to wait for, in line order."""
        self._count += 1
        self._line[key] = (self._count, access)
        if not access.reads and not access.writes:
            return ()
        blockers: set[str] = set()
        for resource in access.reads:
            self._collect(resource, blockers, writers_only=True)
        for resource in access.writes:
            self._collect(resource, blockers, writers_only=False)
        for resource in set(access.reads):
            self._note(resource, key, writes=False, step=1)
        for resource in set(access.writes):
            self._note(resource, key, writes=True, step=1)
        return tuple(sorted(blockers, key=lambda blocker: self._line[blocker][0]))

    def remove(self, key: str) -> None:
        """Take a finished call out of line."""
        _, access = self._line.pop(key)
        for resource in set(access.reads):
            self._note(resource, key, writes=False, step=-1)
        for resource in set(access.writes):
            self._note(resource, key, writes=True, step=-1)

    def _collect(self, resource: Resource, blockers: set[str], *, writers_only: bool) -> None:
        node = self._root
        for part in (*resource, None):
            blockers |= node.writers
            if not writers_only:
                blockers |= node.readers
            if part is None:
                break
            child = node.children.get(part)
            if child is None:
                return
            node = child
        blockers.update(node.below(writers_only=writers_only))

    def _note(self, resource: Resource, key: str, *, writes: bool, step: int) -> None:
        """Add (step 1) or remove (step -1) a user of a path; a path nobody uses is forgotten."""
        node = self._root
        path = [node]
        for part in resource:
            node.users_below += step
            node.writers_below += step if writes else 0
            node = node.children.setdefault(part, _Node())
            path.append(node)
        users = node.writers if writes else node.readers
        if step > 0:
            users.add(key)
            return
        users.discard(key)
        for parent, part, child in zip(reversed(path[:-1]), reversed(resource), reversed(path[1:]), strict=True):
            if child.readers or child.writers or child.children:
                break
            del parent.children[part]
