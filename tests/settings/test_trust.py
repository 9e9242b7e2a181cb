"""What was trusted is remembered for just that: this file, in this place, with this content."""

import shutil
import stat
import threading
from pathlib import Path

import pytest
from some_project import Project

from antiphon.errors import SettingsError
from antiphon.settings import Settings
from antiphon.settings.trust import TrustStore


def store_of(project: Project) -> Path:
    return project.home / ".local" / "share" / "antiphon" / "trust.json"


def test_trust_lasts_until_what_needs_it_changes(project: Project) -> None:
    project.says('# Ours.\nmodel = "theirs"\ndisallowed_tools = ["web_fetch"]\n')
    assert project.load().settings.model is None
    assert project.trusted().model == "theirs"
    assert project.load().settings.model == "theirs"
    # Comments, order, and what needs no trust, do not matter.
    project.says('disallowed_tools = ["web_search"]\nmodel="theirs"')
    assert project.load().untrusted == ()
    project.says('model = "another"')
    assert project.load().settings.model is None
    # And back again is what was trusted.
    project.says('model = "theirs"')
    assert project.load().settings.model == "theirs"


def test_a_change_is_shown_as_what_is_new_and_what_is_gone(project: Project) -> None:
    project.says('allowed_tools = ["read_file", "run_command(npm test)"]')
    first = project.load().untrusted[0]
    assert (first.before, first.new) == (None, first.wants)
    project.trusted()
    project.says('allowed_tools = ["read_file", "run_command(npm:*)"]')
    changed = project.load().untrusted[0]
    assert changed.new == ("run without asking: run_command(npm:*)",)
    assert changed.gone == ("run without asking: run_command(npm test)",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('command = "make"', 'command = "make evil"'),
        ('command = "make"', 'command = "make"\ntimeout = 3600'),
        ('command = "make"', 'command = "make"\ntools = "read_file"'),
    ],
)
def test_any_change_of_a_hook_counts(project: Project, before: str, after: str) -> None:
    project.says(f'[[hooks]]\nevent = "Stop"\n{before}\n')
    project.trusted()
    project.says(f'[[hooks]]\nevent = "Stop"\n{after}\n')
    loaded = project.load()
    assert loaded.settings.hooks == ()
    assert len(loaded.untrusted[0].new) == 1


def test_what_counts_is_what_was_read_when_it_was_shown(project: Project) -> None:
    project.says('model = "shown"')
    loaded = project.load()
    project.says('model = "slipped-in"')
    assert loaded.trusting().settings.model == "shown"
    assert project.load().settings.model is None


def test_the_two_files_are_trusted_each_for_itself(project: Project) -> None:
    project.says('model = "project"')
    project.trusted()
    local = project.says('compact_model = "local"', local=True)
    loaded = project.load()
    assert (loaded.settings.model, loaded.settings.compact_model) == ("project", None)
    assert [waiting.path for waiting in loaded.untrusted] == [local]


def test_one_file_is_not_trusted_for_what_the_other_said(project: Project) -> None:
    project.says('model = "x"', local=True)
    project.trusted()
    project.says('model = "x"')
    assert len(project.load().untrusted) == 1


def test_a_copy_of_a_project_is_another_project(project: Project, tmp_path: Path) -> None:
    project.says('model = "theirs"')
    project.trusted()
    shutil.copytree(project.root, tmp_path / "copy")
    assert project.load(directory=tmp_path / "copy").settings.model is None
    project.root.rename(tmp_path / "moved")
    assert project.load(directory=tmp_path / "moved").settings.model is None


def test_a_link_to_a_project_is_that_project(project: Project, tmp_path: Path) -> None:
    project.says('model = "theirs"')
    project.trusted()
    (tmp_path / "link").symlink_to(project.root)
    assert project.load(directory=tmp_path / "link").settings.model == "theirs"


def test_distrust_forgets(project: Project) -> None:
    path = project.says('model = "theirs"')
    project.trusted()
    store = TrustStore.of(project.environment)
    assert store.distrust([path, path.with_name("settings.local.toml")]) == [path]
    assert store.distrust([path]) == []
    assert project.load().settings == Settings()


def test_only_the_user_can_read_what_is_trusted(project: Project) -> None:
    project.says('model = "theirs"')
    project.trusted()
    assert stat.S_IMODE(store_of(project).stat().st_mode) == 0o600
    assert stat.S_IMODE(store_of(project).parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in store_of(project).parent.iterdir()) == ["trust.json", "trust.lock"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"x": 1}', b"\xff"])
def test_a_damaged_memory_trusts_nothing_and_is_written_anew(project: Project, data: bytes) -> None:
    project.says('model = "theirs"')
    project.trusted()
    store_of(project).write_bytes(data)
    assert project.load().settings.model is None
    project.trusted()
    assert project.load().settings.model == "theirs"


def test_what_cannot_be_remembered_counts_once_and_is_told(project: Project) -> None:
    project.says('model = "theirs"')
    (project.home / ".local").write_text("no directory")
    loaded = project.load().trusting()
    assert loaded.settings.model == "theirs"
    assert "counts only this once" in loaded.warnings[-1]
    with pytest.raises(SettingsError, match=r"trust\.json cannot be written"):
        TrustStore.of(project.environment).distrust([project.root])


def test_processes_that_trust_at_the_same_time_forget_nothing(project: Project, tmp_path: Path) -> None:
    projects: list[Path] = []
    for number in range(12):
        root = tmp_path / f"project-{number}"
        (root / ".antiphon").mkdir(parents=True)
        (root / ".antiphon" / "settings.toml").write_text('model = "theirs"')
        projects.append(root)
    # Each has descriptors of its own, which is what locks of files are about.
    threads = [threading.Thread(target=project.load(directory=root).trusting) for root in projects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [project.load(directory=root).settings.model for root in projects] == ["theirs"] * 12
