"""The rules that were found on the way: of the bill, and of who waits how long for whom."""

from typing import Final

from gpu_shopper.testing.removals.removal import Change, Removal

BILLING: Final = (
    Removal(
        rule="leaving",
        sentence="What was seen at work after its order has refused it: its bill ends when it leaves.",
        removed="what leaves by itself is billed to the order that it refused",
        changes=(
            Change(
                "engine/sights.py",
                "        heard_at = max(called_at, attempt.last_alive_at or called_at)\n",
                "        heard_at = called_at\n",
            ),
        ),
        expected=frozenset(),
        scenario="tests/unit/engine/test_sights.py::test_what_was_at_work_after_the_order_and_then_leaves_is_billed_until_it_was_at_work",
        not_in_worlds="one of hundreds has a machine that refuses its end, works on, and then ends by itself",
    ),
    Removal(
        rule="own time",
        sentence="A request that names no time has as long to start as the slowest cloud needs.",
        removed="whoever names no time has fifteen minutes, whatever a cloud needs to boot",
        changes=(
            Change(
                "domain/deadlines.py",
                "    return max([STARTUP, *(BUYING + grace for grace in boot_graces)])\n",
                "    return STARTUP\n",
            ),
        ),
        expected=frozenset(),
        scenario="tests/unit/commands/test_time_to_start.py::test_who_names_no_time_to_start_in_gives_the_clouds_what_they_need",
        not_in_worlds="a session that fails to start is allowed for many reasons in them",
    ),
    Removal(
        rule="turn",
        sentence="A create takes its turn before it is written down, so that others see the line.",
        removed="a create takes its turn when it is sent",
        changes=(
            Change(
                "engine/launching.py",
                "        turn_at = cloud.line_up()\n",
                "        turn_at = None\n",
            ),
        ),
        expected=frozenset(),
        scenario="tests/sim/test_slow_clouds.py::test_a_burst_waits_in_line_for_a_cloud_that_takes_few_launches",
        not_in_worlds="only a burst at a cloud that takes few launches has a line to see",
    ),
    Removal(
        rule="held up",
        sentence="An order whose turn comes when its claim is over is not sent.",
        removed="an order is sent whenever its turn comes",
        changes=(
            Change(
                "engine/launching.py",
                "            if now >= claim.until:\n",
                "            if now is None:\n",
            ),
        ),
        expected=frozenset(),
        scenario="tests/sim/test_house_process.py::test_an_order_that_is_held_up_in_line_says_the_time_that_is_left_or_is_not_sent",
        not_in_worlds="none of them holds a house up for just so long in just that line",
    ),
    Removal(
        rule="unheard",
        sentence="An order to destroy that nobody has heard is given again at once.",
        removed="the next order comes with the next pass, however long that is",
        changes=(
            Change(
                "engine/retiring.py",
                "        if not await self._tell_to_end(claim, attempt, look=look):\n",
                "        if not await self._tell_to_end(claim, attempt, look=look) and False:\n",
            ),
        ),
        expected=frozenset(),
        scenario="tests/sim/test_lying_clouds.py::test_an_order_that_came_too_soon_is_sent_again_and_not_a_whole_pause_later",
        not_in_worlds="their bounds allow for a whole pause; it shortens the long waits",
    ),
)
