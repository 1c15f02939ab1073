"""The rules of looking and ending: R11 to R24."""

from typing import Final

from gpu_shopper.testing.removals.removal import Change, Removal

PROVING: Final = (
    Removal(
        rule="R11",
        sentence="The cloud is listed first, and the book read after.",
        removed="the sweep compares with the book as it was before the listing",
        changes=(
            Change(
                "engine/sweeping.py",
                "        try:\n            listing = await cloud.listing_begun_after(",
                "        self.earlier = await desk.books.read(lambda book: book.launches.open().attempts)\n"
                "        try:\n            listing = await cloud.listing_begun_after(",
            ),
            Change(
                "engine/sweeping.py",
                "        rows = _without(book.launches.for_census(cloud.name, labels, ids=ids, cut=cut), aside)\n",
                "        known = {one.label for one in self.earlier}\n"
                "        attempts = [one for one in self.earlier if one.provider == cloud.name]\n"
                "        attempts += [\n"
                "            one\n"
                "            for one in book.launches.for_census(cloud.name, labels).attempts\n"
                "            if not one.open and one.label not in known\n"
                "        ]\n"
                "        rows = AttemptRows(attempts)\n",
            ),
        ),
        expected=frozenset({"alarm", "S5", "S7"}),
    ),
    Removal(
        rule="R12",
        sentence="Only a complete listing says anything about what is not in it.",
        removed="a listing with a missing part is taken for the whole",
        changes=(
            Change(
                "engine/cloud.py",
                "            if not listing.complete:\n",
                "            if False:\n",
            ),
            Change(
                "domain/census.py",
                "    assert listing.complete, listing.trouble\n",
                "",
            ),
        ),
        expected=frozenset({"S2", "S5"}),
        only="get_false_404=0.7,list_cut=0.4,ignore_destroy=0.8",
        hours=1.5,
        scenario="tests/unit/engine/test_cloud.py::test_a_listing_with_a_missing_part_is_none",
    ),
    Removal(
        rule="R13",
        sentence="That an instance is not found is not believed within the grace.",
        removed="three looks in vain are enough, however soon",
        changes=(
            Change(
                "engine/observing.py",
                "    if since is None or at - since < quirks.ghost_after:\n",
                "    if since is None:\n",
            ),
            Change(
                "engine/observing.py",
                "        attempt.missing_listings >= quirks.ghost_listings and"
                " attempt.missing_reads >= GHOST_READS\n",
                "        attempt.missing_reads >= GHOST_READS\n",
            ),
        ),
        expected=frozenset({"S5"}),
        only="get_false_404",
        hours=1.0,
        scenario="tests/unit/engine/test_evidence.py::test_all_signs_but_one_say_nothing",
    ),
    Removal(
        rule="R14",
        sentence="A sign of life outvotes whatever a cloud says of absence.",
        removed="nobody asks when the node was heard, and its reports do not count against absence",
        changes=(
            Change(
                "engine/observing.py",
                "    silent = heard is None or doubles_word or at - heard.at >= quirks.ghost_after\n",
                "    silent = True\n",
            ),
            Change(
                "domain/hearing.py",
                "        host_key=attempt.host_key or report.host_key,\n"
                "        missing_since=None,\n"
                "        missing_listings=0,\n"
                "        missing_reads=0,\n",
                "        host_key=attempt.host_key or report.host_key,\n",
            ),
            Change(
                "engine/sweeping.py",
                "        if alive_at is None or alive_at < listing.began_at:\n",
                "        if True:\n",
            ),
        ),
        expected=frozenset({"S5"}),
        only="get_false_404=0.9,list_empty=0.9",
        scenario="tests/sim/test_scenarios.py::test_a_heartbeat_vetoes_what_the_cloud_says",
    ),
    Removal(
        rule="R15",
        sentence="That a destroy was accepted, or answered with 404, is no proof.",
        removed="an accepted destroy closes the attempt",
        changes=(
            Change(
                "domain/plan.py",
                "    if not read_since_destroy:\n        return Retirement.READ\n",
                "    if not read_since_destroy and attempt.destroy_accepted_at:\n"
                "        return Retirement.CLOSE\n"
                "    if not read_since_destroy:\n        return Retirement.READ\n",
            ),
            Change(
                "engine/retiring.py",
                "            if known.state is not AttemptState.CLOSING or"
                " known.absence.gone_reads == 0:\n"
                "                return\n",
                "            if known.state is not AttemptState.CLOSING:\n"
                "                return\n"
                "            since = known.absence.first_gone_at or now\n"
                "            known = replace(\n"
                "                known, absence=replace(known.absence, first_gone_at=since)\n"
                "            )\n",
            ),
        ),
        expected=frozenset({"S2"}),
        scenario="tests/sim/test_scenarios.py::test_one_false_404_proves_no_absence",
    ),
    Removal(
        rule="R16",
        sentence="Stopped is not destroyed: its disk is billed.",
        removed="an instance that is stopped counts as gone",
        changes=(
            Change(
                "engine/sights.py",
                "    if instance is None:\n        absence = replace(",
                "    if instance is None or instance.status == 'stopped':\n"
                "        absence = replace(",
            ),
            Change(
                "engine/retiring.py",
                "        instance.id == attempt.instance_id or instance.label == attempt.label\n",
                "        instance.status != 'stopped'\n"
                "        and (instance.id == attempt.instance_id or instance.label == attempt.label)\n",
            ),
        ),
        expected=frozenset({"S2", "S8"}),
        only="stop_instead_of_destroy=0.7",
        scenario="tests/unit/engine/test_retiring.py::test_stopped_is_not_gone",
    ),
    Removal(
        rule="R17",
        sentence="Destroying is never given up.",
        removed="after three tries an instance is left to itself",
        changes=(
            Change(
                "domain/launch.py",
                "    since = attempt.closing_since or now\n",
                "    if attempt.destroy_tries >= 3:\n"
                "        return timedelta(days=365)\n"
                "    since = attempt.closing_since or now\n",
            ),
        ),
        expected=frozenset({"L1", "L2", "L5", "L7", "L12"}),
        only="ignore_destroy=0.7",
        scenario="tests/unit/domain/test_launch.py::test_a_destroy_is_repeated_within_bounds_for_ever",
    ),
    Removal(
        rule="R18",
        sentence="A cloud at which something is owed cannot be taken out of the configuration.",
        removed="the server starts without a cloud at which something may still run",
        changes=(
            Change(
                "bootstrap/app.py",
                "        await _refuse_forgotten_clouds(books, manifests)\n",
                "",
            ),
        ),
        expected=frozenset(),
        not_in_worlds="worlds do not start the server's own assembly",
        scenario="tests/unit/bootstrap/test_app.py::test_a_server_does_not_start_without_a_cloud_at_which_something_is_owed",
    ),
    Removal(
        rule="R19",
        sentence="When many are missing at once, nothing is inferred: the account is frozen.",
        removed="no number of missing instances freezes an account",
        changes=(
            Change(
                "engine/sweeping.py",
                "        mass = missing >= FREEZE_COUNT and missing > FREEZE_SHARE * bound\n",
                "        mass = False\n",
            ),
        ),
        expected=frozenset({"S17"}),
        only="list_empty",
        hours=2.0,
        scenario="tests/unit/engine/test_sweeping.py::test_an_account_that_loses_many_at_once_is_frozen_and_thaws_when_they_are_back",
    ),
    Removal(
        rule="R20",
        sentence="A book that cannot be written says nothing; what hangs on it waits, deadlines included.",
        removed="a book that fails is taken for an empty one, and what it does not know is destroyed",
        changes=(
            Change(
                "engine/sweeping.py",
                "            sweep = await self._compare_what_can_be_read(cloud, listing, balance)\n",
                "            from gpu_shopper.ports.books import BookUnavailable\n"
                "            from gpu_shopper.domain.label import read_label\n"
                "            try:\n"
                "                sweep = await self._compare_what_can_be_read(cloud, listing, balance)\n"
                "            except BookUnavailable:\n"
                "                for one in listing.instances:\n"
                "                    if read_label(one.label, key=self._desk.vault.label_key):\n"
                "                        await cloud.destroy(one.id)\n"
                "                raise\n",
            ),
        ),
        expected=frozenset({"S5"}),
        scenario="tests/sim/test_house_scenarios.py::test_a_book_that_could_not_be_written_is_not_held_against_the_nodes",
    ),
    Removal(
        rule="R21",
        sentence="After a start, accounts are swept often.",
        removed="a house that has just started sweeps as rarely as any other",
        changes=(
            Change(
                "engine/sweep_pace.py",
                "        if self._passes <= fast:\n",
                "        if self._passes <= 0:\n",
            ),
        ),
        expected=frozenset({"L2"}),
        mode="storm",
        hours=1.0,
    ),
    Removal(
        rule="R22",
        sentence="Ours is what bears our whole label with its code; likeness is nothing.",
        removed="whatever is shaped like a label of ours is ours",
        changes=(
            Change(
                "domain/label.py",
                "    if not hmac.compare_digest(mac.encode(), _mac(body, key).encode()):\n"
                "        return None\n",
                "",
            ),
            Change(
                "domain/census.py",
                "        if facts is None or facts.deployment != deployment:\n",
                "        if facts is None:\n",
            ),
        ),
        expected=frozenset({"S6", "S19"}),
        scenario="tests/unit/domain/test_label.py::test_a_label_with_any_one_character_changed_is_nobodys",
    ),
    Removal(
        rule="R23",
        sentence="The whole account is swept, whatever the book knows of it.",
        removed="only instances of attempts that are open in the book are looked at",
        changes=(
            Change(
                "engine/sweeping.py",
                "        rows = _without(book.launches.for_census(cloud.name, labels, ids=ids, cut=cut), aside)\n",
                "        rows = book.launches.for_census(cloud.name, ())\n"
                "        known = {attempt.label for attempt in rows.attempts}\n"
                "        kept = tuple(one for one in listing.instances if one.label in known)\n"
                "        listing = replace(listing, instances=kept)\n",
            ),
        ),
        expected=frozenset({"L1", "L2", "L12", "S1", "S2"}),
        only="book_lost=0.6,never_boot=0.6",
        hours=2.0,
        scenario="tests/unit/engine/test_sweeping.py::test_an_orphan_that_is_overdue_is_destroyed_by_its_label_alone",
    ),
    Removal(
        rule="R24",
        sentence="Every cause of an end takes one path.",
        removed="what has expired ends its session, and nobody else is told",
        changes=(
            Change(
                "transactions/stopping.py",
                "        if attempt.wanted:\n",
                "        if attempt.wanted and reason is not StopReason.EXPIRED:\n",
            ),
        ),
        expected=frozenset({"L1", "L5", "L12"}),
        scenario="tests/sim/test_house_scenarios.py::test_a_deadline_that_passes_during_an_outage_is_kept_right_after_it",
    ),
)
