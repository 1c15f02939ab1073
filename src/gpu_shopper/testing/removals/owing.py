"""What the design asks for beyond R1 to R24: when something may be called absent, whose it is, and who is told."""

from typing import Final

from gpu_shopper.testing.removals.removal import Change, Removal

OWING: Final = (
    Removal(
        rule="quarantine",
        sentence="What was never answered is presumed absent only after its quarantine.",
        removed="once the call's deadline has passed, a few looks in vain close it",
        changes=(
            Change(
                "domain/plan.py",
                "    return now >= attempt.call_deadline + quirks.quarantine\n",
                "    return now >= attempt.call_deadline\n",
            ),
        ),
        expected=frozenset({"S2", "L4"}),
        only="create_late=0.9",
        scenario="tests/unit/domain/test_plan.py::test_over_thousands_of_facts_the_plan",
    ),
    Removal(
        rule="last look",
        sentence="Before anything is presumed absent, it was looked for after its quarantine, and not only before.",
        removed="looks from before a long absence of our own are enough",
        changes=(
            Change(
                "domain/plan.py",
                "    looked_since = attempt.missing_listings > 0\n",
                "    looked_since = True\n",
            ),
        ),
        expected=frozenset({"S2"}),
        only="create_late=0.9,long_absence=1.0",
        scenario="tests/unit/domain/test_plan.py::test_over_thousands_of_facts_the_plan",
    ),
    Removal(
        rule="watched",
        sentence="The label of a closed attempt is watched for ever.",
        removed="what bears the label of a closed attempt is left alone",
        changes=(
            Change(
                "engine/sweeping.py",
                "        for sighting in census.reappeared:\n",
                "        for sighting in ():\n",
            ),
        ),
        expected=frozenset({"S2", "L1", "L2", "L12"}),
        only="resurrected=0.7,create_late=0.7",
        scenario="tests/unit/engine/test_sweeping.py::test_a_late_arrival_reopens_what_was_closed_and_is_ended",
    ),
    Removal(
        rule="orphans",
        sentence="What bears our label and is not in the book is taken in, or destroyed if it is overdue.",
        removed="what the book does not know is left alone",
        changes=(
            Change(
                "engine/sweeping.py",
                "        for orphan in orphans.values():\n",
                "        for orphan in ():\n",
            ),
        ),
        expected=frozenset({"S1", "S2", "L1", "L2", "L12"}),
        only="book_lost=0.6",
        scenario="tests/unit/engine/test_sweeping.py::test_an_orphan_that_is_overdue_is_destroyed_by_its_label_alone",
    ),
    Removal(
        rule="doubles",
        sentence="A second instance under one label is ended.",
        removed="the double of an instance is left alone",
        changes=(
            Change(
                "engine/sweeping.py",
                "        for sighting in census.duplicates:\n",
                "        for sighting in ():\n",
            ),
        ),
        expected=frozenset({"S4", "L1", "L2", "L12"}),
        only="bought_twice=0.7",
        scenario="tests/sim/test_lying_clouds.py::test_the_double_of_a_create_is_ended_and_the_one_that_was_told_of_runs",
    ),
    Removal(
        rule="one bound",
        sentence="Whoever buys elsewhere wants the first try no more: at most one attempt of a session is bound.",
        removed="the try that was not answered stays wanted",
        changes=(
            Change(
                "engine/launching.py",
                "                give_up(book, session, known, because=because, blame=Blame.CLOUD, at=now)\n",
                "                shop_again(book, session, known, because=because, at=now)\n",
            ),
        ),
        # The schema holds on to the rule as well: where it refuses, that is what is noticed.
        expected=frozenset({"S4", "alarm"}),
        only="create_late=0.9",
        scenario="tests/unit/engine/test_launching.py::test_a_session_shops_on_and_the_unanswered_attempt_stays_owed",
    ),
    Removal(
        rule="by its id",
        sentence="What a create answered with is ours by its id, though its label be lost.",
        removed="whatever bears no label of ours is a stranger's",
        changes=(
            Change(
                "domain/census.py",
                "        if attempt is None or not (attempt.open or"
                " attempt.label.startswith(instance.label)):\n",
                "        if True:\n",
            ),
        ),
        expected=frozenset({"S2", "S5", "L1", "L2", "L12"}),
        only="label_lost=0.7,resurrected=0.7",
        scenario="tests/unit/domain/test_census.py::test_what_we_bought_is_known_by_its_id_where_the_cloud_lost_our_label",
    ),
    Removal(
        rule="two reads",
        sentence="One look that finds nothing proves nothing: a second one, a while later, is asked for.",
        removed="one look in vain is enough",
        changes=(
            Change(
                "domain/plan.py",
                "    if absence.gone_reads < quirks.absence_reads:\n",
                "    if absence.gone_reads < 1:\n",
            ),
        ),
        expected=frozenset({"S2"}),
        only="get_false_404=0.4,list_empty=0.4,ignore_destroy=0.8",
        scenario="tests/unit/domain/test_proof.py::test_the_proof_goes_from_destroy_over_reads_and_listings_to_the_end",
    ),
    Removal(
        rule="listings",
        sentence="Looks in vain alone prove nothing: complete listings must lack it as well.",
        removed="two looks in vain are enough",
        changes=(
            Change(
                "domain/plan.py",
                "    if absence.gone_listings < quirks.absence_listings:\n"
                "        return Retirement.LIST\n",
                "",
            ),
        ),
        expected=frozenset({"S2"}),
        only="get_false_404=0.5,ignore_destroy=0.7",
        scenario="tests/unit/domain/test_proof.py::test_the_proof_goes_from_destroy_over_reads_and_listings_to_the_end",
    ),
    Removal(
        rule="begun after",
        sentence="Only a listing that began after the last answer to a destroy counts.",
        removed="listings from before count as well",
        changes=(
            Change(
                "engine/retiring.py",
                "        since = attempt.absence.listing_at or attempt.destroy_answered_at\n"
                "        assert since is not None, attempt.id\n",
                "        from datetime import timedelta\n"
                "        since = attempt.absence.listing_at or attempt.sent_at - timedelta(hours=1)\n",
            ),
            Change(
                "engine/retiring.py",
                "        or listing.began_at <= ordered\n",
                "",
            ),
            Change(
                "domain/census.py",
                "    return attempt.absence.gone_reads > 0 and began_at > answered\n",
                "    return attempt.absence.gone_reads > 0\n",
            ),
        ),
        expected=frozenset({"S2"}),
        only="get_false_404=0.5,ignore_destroy=0.8,list_lag=0.3",
        scenario="tests/unit/domain/test_census.py::test_a_listing_speaks_of_absence_only_after_the_answer_and_after_a_read",
    ),
    Removal(
        rule="errors",
        sentence="That nobody answered is not that nothing is there.",
        removed="a look that fails counts as one in vain",
        changes=(
            Change(
                "engine/observing.py",
                "            await note_unauthorized(desk, attempt.provider, error)\n"
                "            return\n"
                "        now = desk.clock.now()\n",
                "            instance = None\n        now = desk.clock.now()\n",
            ),
            Change(
                "engine/retiring.py",
                "            instance = await cloud.observe(attempt.instance_id)\n"
                "        except ProviderError as error:\n"
                "            await note_unauthorized(self._desk, attempt.provider, error)\n"
                "            await self._update(claim, attempt.id, later)\n"
                "            return\n",
                "            instance = await cloud.observe(attempt.instance_id)\n"
                "        except ProviderError:\n"
                "            instance = None\n",
            ),
        ),
        expected=frozenset({"S2", "S5"}),
        only="down=0.6,ignore_destroy=0.7,list_empty=0.5",
        scenario="tests/unit/engine/test_observing.py::test_a_cloud_that_cannot_be_asked_says_nothing_of_the_instance",
    ),
    Removal(
        rule="frozen",
        sentence="While an account is frozen, nothing is given up as lost there.",
        removed="an account that is frozen is told of, and that is all",
        changes=(
            Change(
                "engine/sweeping.py",
                "        note = _note_lacking if frozen else self._note_missing\n",
                "        note = self._note_missing\n",
            ),
            Change(
                "engine/observing.py",
                "    if not enough or not silent or frozen:\n",
                "    if not enough or not silent:\n",
            ),
        ),
        expected=frozenset({"S17"}),
        only="hosts_lost=60,never_boot=0.9",
        hours=1.0,
        not_in_worlds="a node that is gone is silent as well, and silence, which is no inference from a listing, "
        "is concluded after the same ten minutes",
        scenario="tests/unit/engine/test_sweeping.py::test_an_account_that_loses_many_at_once_is_frozen_and_thaws_when_they_are_back",
    ),
    Removal(
        rule="own absence",
        sentence="A node is silent only to somebody who listens: our own absence is never held against it.",
        removed="silence counts from when a node was last heard, whatever we did meanwhile",
        changes=(
            Change(
                "engine/desk.py",
                "            limits=self.limits,\n            listening_since=listening_since,\n",
                "            limits=self.limits,\n            listening_since=None,\n",
            ),
        ),
        expected=frozenset({"S5"}),
        only="long_absence=1.0,house_paused=2.0",
        scenario="tests/unit/engine/test_chores.py::test_a_house_that_was_away_holds_its_own_absence_against_no_node",
    ),
    Removal(
        rule="price",
        sentence="What was granted is read back: dearer than the cap, it is given back.",
        removed="nobody compares the price",
        changes=(
            Change(
                "domain/hearing.py",
                "    if price_cap is not None and instance.rate is not None and instance.rate > price_cap:\n",
                "    if False:\n",
            ),
        ),
        expected=frozenset({"S15", "S10"}),
        only="wrong_price=0.7",
        scenario="tests/unit/domain/test_hearing.py::test_what_was_granted_otherwise_is_told_in_words",
    ),
    Removal(
        rule="gpu",
        sentence="What the node has is compared with what was sold.",
        removed="whatever GPUs a node has are those that were sold",
        changes=(
            Change(
                "domain/hearing.py",
                "    return next(verdict for verdict in by_weight if verdict in verdicts)\n",
                "    return Verdict.AS_SOLD\n",
            ),
        ),
        expected=frozenset({"S15"}),
        only="wrong_gpu=0.7",
        scenario="tests/unit/domain/test_hearing.py::test_a_node_with_anything_else_is_not",
    ),
    Removal(
        rule="heard",
        sentence="`running` is said only of what was heard.",
        removed="what its cloud shows with an address runs",
        changes=(
            Change(
                "domain/launch.py",
                "            and self.heard is not None\n            and self.heard.as_sold\n",
                "",
            ),
        ),
        expected=frozenset({"S15"}),
        only="never_boot=0.7",
        scenario="tests/unit/domain/test_launch.py::test_running_needs_a_checked_node_an_address_and_a_read_back",
    ),
    Removal(
        rule="lease",
        sentence="A node that nobody answers ends itself when its lease is over.",
        removed="a node that is left alone waits for the deadline in its start-up script",
        changes=(
            Change(
                "agent/deadman.py",
                "    if life.age - life.renewed_at >= life.lease_seconds and not answer_awaited:\n",
                "    if False:\n",
            ),
        ),
        expected=frozenset({"L3"}),
        only="nodes_cut=1.5,long_absence=1.0",
        scenario="tests/unit/agent/test_daemon.py::test_silence_waits_for_a_hanging_heartbeat_for_its_limit_only",
    ),
    Removal(
        rule="alert",
        sentence="After ten tries in vain an operator is told.",
        removed="nobody is told",
        changes=(
            Change(
                "engine/retiring.py",
                "            if alert_due(changed, now):\n",
                "            if False:\n",
            ),
        ),
        expected=frozenset({"L8"}),
        only="reserved=0.8",
        scenario="tests/unit/engine/test_retiring.py::test_a_destroy_that_is_ignored_is_repeated_and_told_at_the_tenth_try",
    ),
    Removal(
        rule="urgent",
        sentence="A destroy never waits in line behind other requests.",
        removed="destroys take their turn like everything else",
        changes=(
            Change(
                "engine/cloud.py",
                "                urgent=True,\n            )\n        finally:\n",
                "            )\n        finally:\n",
            ),
        ),
        expected=frozenset({"L1", "L2"}),
        not_in_worlds="no world has so many requests that a line of them lasts longer than the ten minutes of L1",
        scenario="tests/unit/engine/test_cloud.py::test_a_destroy_overtakes_all_who_stand_in_line",
    ),
    Removal(
        rule="fenced",
        sentence="Who took a row at an older epoch writes it no more.",
        removed="nobody compares epochs",
        changes=(
            Change(
                "engine/desk.py",
                "            if session.epoch != claim.epoch:\n",
                "            if False:\n",
            ),
        ),
        expected=frozenset({"S9", "S4"}),
        not_in_worlds="one process holds the book, so that nobody takes a row from under another; two replicas are tried "
        "exhaustively by the model of fencing",
        scenario="tests/unit/engine/test_reconciler.py::test_whoever_has_lost_its_claim_writes_nothing_any_more",
    ),
)
