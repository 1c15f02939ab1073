"""The rules of buying: R1 to R10."""

from typing import Final

from gpu_shopper.testing.removals.removal import Change, Removal

BUYING: Final = (
    Removal(
        rule="R1",
        sentence="The intent is durable before the create call.",
        removed="the attempt is written when the call has come back",
        changes=(
            Change(
                "engine/launching.py",
                "        attempt = await self._intend(claim, offer, cloud)\n"
                "        if attempt is None:\n"
                "            return None\n",
                "        new_id = attempt_id(desk.chance.draw_bits(BITS))\n"
                "        attempt = self._new_attempt(\n"
                "            facts.session, new_id, offer, cloud=cloud, now=desk.clock.now()\n"
                "        )\n",
            ),
            Change(
                "engine/launching.py",
                "            instance = await cloud.launch(order, turn_at=turn_at)\n",
                "            try:\n"
                "                instance = await cloud.launch(order, turn_at=turn_at)\n"
                "            finally:\n"
                "                await self._intend(claim, attempt.offer, cloud, attempt)\n",
            ),
            Change(
                "engine/launching.py",
                "    async def _intend(self, claim: Claim, offer: Offer, cloud: Cloud)"
                " -> LaunchAttempt | None:\n",
                "    async def _intend(self, claim, offer, cloud, made):\n",
            ),
            Change(
                "engine/launching.py",
                "            attempt = self._new_attempt(session, new_id, offer, cloud=cloud, now=now)\n",
                "            attempt = made\n",
            ),
        ),
        expected=frozenset({"S3", "S1"}),
        scenario="tests/sim/test_scenarios.py::test_an_instance_whose_answer_was_lost_is_found_by_its_label",
    ),
    Removal(
        rule="R2",
        sentence="The create call itself carries a unique label, which nobody else can choose.",
        removed="the create call carries the offer's id as the instance's name",
        changes=(
            Change(
                "providers/sandbox/mapping.py",
                "        name=order.label,\n",
                "        name=order.offer.provider_id,\n",
            ),
            Change(
                "providers/sandbox/mapping.py",
                "        tags={_MARK: order.label},\n",
                "        tags={},\n",
            ),
        ),
        expected=frozenset({"S6", "S1", "S3"}),
        scenario="tests/sim/test_scenarios.py::test_an_instance_whose_answer_was_lost_is_found_by_its_label",
    ),
    Removal(
        rule="R3",
        sentence="What lost its label is ours all the same where the cloud shows a second, independent mark.",
        removed="the second mark is written and never read",
        changes=(
            Change(
                "domain/label.py",
                "    if not mark or mark == label or read_label(mark, key=key) is None:\n",
                "    if mark is not None:\n",
            ),
        ),
        expected=frozenset({"S1", "L1"}),
        only="label_lost=0.8,lose_create_reply=0.8",
        scenario="tests/sim/test_lying_clouds.py::test_an_instance_without_label_and_id_is_found_by_its_second_mark",
    ),
    Removal(
        rule="R4",
        sentence="Each create call has an attempt of its own; no label is ordered twice.",
        removed="a create that was not answered is sent again",
        changes=(
            Change(
                "engine/launching.py",
                "        if instance is None:\n"
                "            await self._look_again(claim, attempt.id, cloud, looked_at=began_at)\n",
                "        if instance is None:\n"
                "            facts = await desk.facts(claim.session_id)\n"
                "            await self._call(claim, facts.session, attempt, cloud, turn_at=0.0)\n",
            ),
        ),
        expected=frozenset({"S4", "S3", "alarm"}),
        scenario="tests/sim/test_scenarios.py::test_a_create_that_takes_effect_late_is_adopted",
    ),
    Removal(
        rule="R5",
        sentence="The key of a request is stored with what it made, and its repetition is the same request.",
        removed="the key is not stored",
        changes=(
            Change(
                "commands/sessions.py",
                "            book.keys.add(record)\n",
                "            pass\n",
            ),
        ),
        expected=frozenset({"S12"}),
        scenario="tests/unit/commands/test_requesting.py::test_the_same_key_and_body_give_the_same_session_and_private_key",
    ),
    Removal(
        rule="R6",
        sentence="What is not certainly a no may have bought: the default is unknown.",
        removed="a create that nobody answered counts as never sent",
        changes=(
            Change(
                "transport/answers.py",
                '        raise Ambiguous(f"{what}: {error}") from error\n',
                '        raise Unavailable(f"{what}: {error}") from error\n',
            ),
        ),
        expected=frozenset({"S2", "S3"}),
        mode="storm",
        hours=1.0,
        scenario="tests/unit/transport/test_answers.py::test_no_answer",
    ),
    Removal(
        rule="R7",
        sentence="An id in the body of an error names an instance that was bought.",
        removed="the bodies of errors are not read for ids",
        changes=(
            Change(
                "transport/answers.py",
                "    named = instance_in(reply, dialect)\n    if named",
                "    named = None\n    if named",
            ),
        ),
        expected=frozenset({"S2", "S1"}),
        only="create_error_with_id=0.7,label_lost=0.7",
        scenario="tests/unit/transport/test_answers.py::test_a_create",
    ),
    Removal(
        rule="R8",
        sentence="The instance's id is written down at once, in a transaction of its own, before any waiting.",
        removed="the id is written a minute after it came",
        changes=(
            Change(
                "engine/launching.py",
                "        else:\n"
                "            await self._bind(claim, attempt.id, instance, sent_at=sent_at)\n"
                "        desk.meter",
                "        else:\n"
                "            await desk.clock.sleep(60)\n"
                "            await self._bind(claim, attempt.id, instance, sent_at=sent_at)\n"
                "        desk.meter",
            ),
        ),
        expected=frozenset({"S1"}),
        mode="storm",
        hours=1.0,
        scenario="tests/unit/engine/test_launching.py::test_the_create_call_carries_all_that_ends_it",
    ),
    Removal(
        rule="R9",
        sentence="Right before the create, the book is read again, and the intent is written only if it still holds.",
        removed="the intent is written on the session as it was when the offer was chosen",
        changes=(
            Change(
                "engine/launching.py",
                "            if session.state is not State.PENDING:\n                return None\n",
                "            session = stale\n",
            ),
            Change(
                "engine/launching.py",
                "        attempt = await self._intend(claim, offer, cloud)\n",
                "        attempt = await self._intend(claim, offer, cloud, facts.session)\n",
            ),
            Change(
                "engine/launching.py",
                "    async def _intend(self, claim: Claim, offer: Offer, cloud: Cloud)"
                " -> LaunchAttempt | None:\n",
                "    async def _intend(self, claim, offer, cloud, stale):\n",
            ),
        ),
        expected=frozenset({"S7", "S9", "S16", "alarm"}),
        # A step that is late leaves the time in which somebody stops what is being bought.
        only="slow_loop=20",
        hours=1.0,
        scenario="tests/sim/test_house_scenarios.py::test_a_stop_while_the_offer_is_being_chosen_wins",
    ),
    Removal(
        rule="R10",
        sentence="The kill timer is inside the create: the node knows its end before anybody tells it.",
        removed="the start-up script and the order name an end that is ten years off",
        changes=(
            Change(
                "engine/ordering.py",
                "        stop_in=max(timedelta(0), attempt.expires_at - now),\n",
                "        stop_in=timedelta(days=3650),\n",
            ),
            Change(
                "engine/ordering.py",
                "        ends_by=attempt.expires_at,\n",
                "        ends_by=now + timedelta(days=3650),\n",
            ),
        ),
        expected=frozenset({"L3"}),
        mode="storm",
        hours=1.0,
        scenario="tests/unit/engine/test_ordering.py::test_an_order_holds_everything_that_was_asked_for",
    ),
)
