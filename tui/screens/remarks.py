"""What the forms say of a field: what it is, what is wrong with it, what it was."""

from tui.form.draft import Draft
from tui.form.fields import field_of, matching
from tui.form.findings import Findings
from tui.widgets.field_row import Said

SHORT = 60
"""Characters that fit beside each other in a form."""


def about(key: str, method: str) -> str:
    """What a field is."""
    known = field_of(key, method)
    if known is None:
        return ""
    default = f", default {known.default}" if known.default else ""
    choices = f"One of: {', '.join(known.choices)}." if known.choices else ""
    what = f"{known.type}{default}." if known.type != "text" or not known.help else ""
    return " ".join(filter(None, [f"{known.key}:", what, choices, known.help])).replace("`", "")


def about_settings(typed: str, method: str) -> str:
    """The settings that begin like this, and what the first of them is."""
    name = name_and_value(typed)[0]
    if not name:
        return "any field of TRL's and PEFT's configurations by its own name, such as weight_decay"
    found = matching(name, method)
    if not found:
        return f"no setting begins with {name}"
    more = f" ({len(found) - 1} more: {', '.join(found[1:4])})" if found[1:] else ""
    return about(found[0], method) + more


def name_and_value(typed: str) -> tuple[str, str]:
    """What `name`, `name: value` and `name=value` say."""
    name, _, value = typed.replace("=", ":", 1).partition(":")
    return name.strip(), value.strip()


def of_field(key: str, draft: Draft, found: Findings | None) -> tuple[list[Said], str]:
    """What is to be said of a field, and how it is marked."""
    problems = found.problems.get(key, ()) if found is not None else ()
    said: list[Said] = []
    for problem in problems:
        said += told(problem.message, problem.hint)
    if found is not None and found.model and key == "model.name":
        said.append(("dim", found.model))
    was = draft.was(key)
    if was is not None:
        said.append(("wait", f"was {was}" if was else "was left out"))
    return said, "bad" if problems else "wait" if was is not None else ""


def told(message: str, hint: str) -> list[Said]:
    """A problem and what to do, on one line where they are short."""
    if not hint or len(message) + len(hint) < SHORT:
        return [("bad", f"{message} ({hint})" if hint else message)]
    return [("bad", message), ("dim", hint)]


def missing(found: Findings) -> str:
    """The first problem, and how many more there are."""
    (key, problem), *others = found.first
    more = f", and {len(others)} more" if others else ""
    message = problem.message.split("\n")[0]
    return f"{key}: {message}{more}" if key else f"{message}{more}"
