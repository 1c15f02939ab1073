"""The page that says what became of each removal: made by the command, never by hand."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from gpu_shopper.testing.removals.removal import Removal
from gpu_shopper.testing.removals.table import NOT_IN_WORLDS, REMOVALS
from gpu_shopper.testing.removals.trying import Verdict

_HEAD = """# Each rule, and who notices when it is gone

Every safety rule is taken out of a copy of the code, and worlds are simulated in it from seed 0 on, until a check that stands for
the rule says that it does not hold, or until {seeds} seeds have passed.
The same world with all rules kept must not say so: else it does not count.
A test that is named was run in the same copy and failed there; it passes with the rule.
The tree itself is never touched; what is replaced stands in `gpu_shopper.testing.removals`, and a test holds it against the code.

Made by `make proof ARGS="--write"` at commit `{commit}`.
{caught} of {tried} removals were noticed, {in_worlds} of them by worlds; the others by the test that is named.
What has no number of its own comes from the design: when something may be called absent, whose it is, and who is told.

| rule | what it says | without it | where | first seed | noticed by | seconds | test that fails without it |
|---|---|---|---|---|---|---|---|
"""


def page(verdicts: Mapping[str, Verdict], *, baseline: Verdict, seeds: int, commit: str) -> str:
    """Return the page in Markdown, in the table's order."""
    caught = sum(verdict.noticed for verdict in verdicts.values())
    head = _HEAD.format(
        seeds=seeds,
        commit=commit,
        caught=caught,
        tried=len(verdicts),
        in_worlds=sum(verdict.seed is not None for verdict in verdicts.values()),
    )
    rows = [_row(removal, verdicts[removal.rule]) for removal in REMOVALS]
    kept = "no" if not baseline.noticed else f"seed {baseline.seed} by {baseline.check}, so a"
    lines = [
        f"With all rules kept, {baseline.ran} seeds showed {kept} violation.",
        "",
        "## Not tried in worlds",
        "",
        *(f"- {one.rule}: {one.not_in_worlds}." for one in REMOVALS if one.not_in_worlds),
        *(f"- {rule}: {why}" for rule, why in NOT_IN_WORLDS.items()),
    ]
    return head + "\n".join([*rows, "", *lines]) + "\n"


def write_page(place: Path, verdicts: Iterable[Verdict], *, baseline: Verdict, seeds: int) -> None:
    """Write the page for the code as it was last committed."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git there is
        check=True,
        capture_output=True,
        text=True,
    )
    by_rule = {verdict.rule: verdict for verdict in verdicts}
    text = page(by_rule, baseline=baseline, seeds=seeds, commit=told.stdout.strip())
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def _row(removal: Removal, verdict: Verdict) -> str:
    where = ", ".join(f"`{file}`" for file in removal.files)
    seed = str(verdict.seed) if verdict.seed is not None else f"none of {verdict.ran}"
    if removal.not_in_worlds:
        seed = "not in worlds"
    cells = (
        removal.rule,
        removal.sentence,
        removal.removed,
        where,
        seed,
        verdict.check or ("the test" if verdict.scenario else "nobody"),
        f"{verdict.seconds:.0f}",
        f"`{verdict.scenario}`" if verdict.scenario else "",
    )
    return f"| {' | '.join(cells)} |"
