"""`/rewind`: back to before a prompt of this session, in the middle of a talk."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from antiphon.checkpoints import Change, Checkpoints
from antiphon.cli.opening import Opened, begin_session
from antiphon.cli.safe_text import one_line
from antiphon.errors import CheckpointError
from antiphon.sessions.replay import Prompt, checkpoint_before
from antiphon.sessions.session import Session

if TYPE_CHECKING:
    from antiphon.cli.interactive import Talk

_SHOWN = 12
_TEXT = 80
_ANSWERS = {
    "": "both",
    "b": "both",
    "both": "both",
    "f": "files",
    "files": "files",
    "c": "talk",
    "conversation": "talk",
}


def go_back(talk: "Talk", argument: str) -> None:
    """Ask where to and what of, and go there; the session that is left stays as it is.

    Raises:
        SessionError: the conversation cannot be copied.
    """
    session = talk.agent.session
    if session is None:
        talk.say("This session is not recorded, so there is nothing to go back to.", "bad")
        return
    prompts = talk.sessions.state(session.id).prompts
    prompt = _prompt(talk, prompts, argument)
    if prompt is None:
        return
    checkpoint = checkpoint_before(prompts, prompt.number)
    what = _what(talk) if checkpoint else "talk"
    if what is None:
        return
    if what != "talk" and not _bring_back(talk, talk.workbench.checkpoints, checkpoint):
        return
    if what != "files":
        _enter_copy(talk, session, prompt)


def _prompt(talk: "Talk", prompts: Sequence[Prompt], argument: str) -> Prompt | None:
    if not prompts:
        talk.say("Nothing was said in this session yet.")
        return None
    if not argument:
        for prompt in prompts:
            files = "  (files changed)" if prompt.checkpoint else ""
            talk.say(f"{prompt.number:>3}  {one_line(prompt.text)[:_TEXT]}{files}", "")
        talk.say("Back to before which one? A number; nothing to stay.")
        argument = (talk.read() or "").strip()
    if argument.isdecimal() and 1 <= int(argument) <= len(prompts):
        return prompts[int(argument) - 1]
    if argument:
        talk.say(f"There is no prompt {one_line(argument)}; there are 1 to {len(prompts)}.", "bad")
    return None


def _what(talk: "Talk") -> str | None:
    talk.say("Files, conversation, or both? f, c or b (nothing: both); anything else to stay.")
    answer = talk.read()
    return None if answer is None else _ANSWERS.get(answer.strip().lower())


def _bring_back(talk: "Talk", checkpoints: Checkpoints | None, checkpoint: str) -> bool:
    """Bring the files back, having asked; say whether to go on."""
    if checkpoints is None:
        talk.say("Files of this directory are not kept, so they stay as they are.", "wait")
        return True
    try:
        changes = talk.call(lambda: checkpoints.changes(checkpoint))
        if changes and not _confirmed(talk, changes):
            talk.say("Nothing was changed.")
            return False
        if changes:
            restored = talk.call(lambda: checkpoints.restore(checkpoint))
            talk.say(f"{len(restored.written)} brought back, {len(restored.deleted)} deleted that did not exist then.")
            for kept in restored.kept:
                talk.say(f"Left as it is: {one_line(kept.path)}: {one_line(kept.reason)}.", "wait")
            talk.say(f"To undo it: antiphon rewind --checkpoint {restored.before.id[:10]}")
        else:
            talk.say("The files are as they were then.")
    except CheckpointError as problem:
        talk.say(one_line(str(problem)), "bad")
        return False
    return True


def _confirmed(talk: "Talk", changes: Sequence[Change]) -> bool:
    for change in changes[:_SHOWN]:
        lines = "" if change.added is None else f"  +{change.added} -{change.removed}"
        talk.say(f"  {change.kind:<8}  {one_line(change.path)}{lines}", "")
    if len(changes) > _SHOWN:
        talk.say(f"  and {len(changes) - _SHOWN} more")
    talk.say(f"Change {len(changes)} {'file' if len(changes) == 1 else 'files'} back? y or n")
    return (talk.read() or "").strip().lower() in {"y", "yes"}


def _enter_copy(talk: "Talk", session: Session, prompt: Prompt) -> None:
    if prompt.number == 1:
        talk.enter(begin_session(talk.sessions, talk.workbench.workspace.root), model=talk.agent.model)
    else:
        copy = talk.sessions.fork(session.id, before=prompt.entry)
        talk.enter(
            Opened(copy, resumed=True, notes=(f"A copy of {session.id[:8]}, up to before prompt {prompt.number}.",))
        )
    talk.suggest(prompt.text)
