"""The daemon: one short pass after the other, each of which can end the node.

A pass never waits for the network or for nvidia-smi: heartbeats are made by a courier on the side, so that a hung
GPU driver or a slow server can't hold up the dead-man switch.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Callable, Optional

from gpu_shopper.agent.beating import Beat, Pulse
from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.deadman import (
    Boot,
    Life,
    aged,
    born,
    busied,
    counted,
    decide,
    obeyed,
    obeyed_late,
    resumed,
)
from gpu_shopper.agent.ending import Ending
from gpu_shopper.agent.notebook import DRAINING, ON_DRAIN, Notebook
from gpu_shopper.agent.outside import Outside

PASS_SECONDS = 1.0
# Longer than any honest heartbeat takes; afterwards its answer counts as lost.
LONGEST_BEAT_SECONDS = 90.0
# Threads that hang in the kernel can't be stopped, only left behind; so many are affordable.
MOST_HANGING_BEATS = 5

# Makes a heartbeat and hands it to the second argument.
Start = Callable[[Callable[[], Beat], Callable[[Beat], None]], None]


class Courier:
    """Makes one heartbeat at a time on the side."""

    def __init__(self, start: Start) -> None:
        """Take the way to make a heartbeat on the side and deliver it; it may also do so at once."""
        self._start = start
        self._current: Optional[list[Beat]] = None
        self._left_behind: list[list[Beat]] = []

    @property
    def away(self) -> bool:
        """Tell whether a heartbeat is under way."""
        return self._current is not None

    @property
    def hanging(self) -> int:
        """Return how many heartbeats were left behind and hang to this moment."""
        return sum(1 for box in self._left_behind if not box)

    def send(self, make: Callable[[], Beat]) -> None:
        """Start a heartbeat."""
        box: list[Beat] = []
        self._current = box
        self._start(make, box.append)

    def collect(self) -> Optional[Beat]:
        """Return the finished heartbeat, once."""
        if not self._current:
            return None
        beat = self._current[0]
        self._current = None
        return beat

    def leave_behind(self) -> None:
        """Give up on the heartbeat under way; should it come back, nobody obeys it."""
        if self._current is not None:
            self._left_behind = [box for box in self._left_behind if not box] + [self._current]
        self._current = None


class Daemon:
    """Keeps the life up to date, sends heartbeats, obeys, and ends the node when it must end."""

    def __init__(self, outside: Outside, config: AgentConfig, boot: Boot, courier: Courier) -> None:
        """Go on with the saved life, or begin one."""
        self._outside = outside
        self._config = config
        self._courier = courier
        self._notebook = Notebook(outside.place)
        self._pulse = Pulse(outside, config)
        self._ending = Ending(outside, config)
        saved = self._notebook.life(config.label)
        self.life = born(config, boot) if saved is None else resumed(saved, boot)
        self._beat_due_at = self.life.age
        self._beat_sent_at = self.life.age
        self._asked_at = -1.0
        self._orders_mark: Optional[tuple[int, int]] = None
        self._last_trouble: tuple[str, ...] = ()
        self._save()

    def step(self) -> float:
        """Make one pass; return for how many seconds to sleep before the next."""
        self.life = aged(self.life, self._outside.clock())
        self._take_left_orders()
        self._take_answer()
        self._send_if_due()
        # A courier that works at once has its answer by now.
        self._take_answer()
        reason = decide(self.life, self._config, answer_awaited=self._last_question_due())
        if reason is not None:
            self._end(reason)
        return min(PASS_SECONDS, self.life.heartbeat_seconds)

    def _send_if_due(self) -> None:
        if self._courier.away and self.life.age - self._beat_sent_at > LONGEST_BEAT_SECONDS:
            self._outside.log("a heartbeat hangs and is left behind")
            self._courier.leave_behind()
            self._asked_at = self._beat_sent_at
        due = self.life.age >= self._beat_due_at or self._last_question_due()
        if self._courier.away or self._courier.hanging >= MOST_HANGING_BEATS or not due:
            return
        self.life = counted(self.life)
        # Saved before it is used: a counter that was sent must never be sent again.
        self._save()
        life = self.life
        self._beat_sent_at = life.age
        self._beat_due_at = life.age + life.heartbeat_seconds
        self._courier.send(lambda: self._pulse.beat(life))

    def _last_question_due(self) -> bool:
        """Tell whether the lease is over and nothing that was asked since has come back.

        Each question may take longer than the time between two, so that one is always under way: what counts is
        whether one that was put after the end of the lease is through, not whether any is open.
        """
        lease_over_at = self.life.renewed_at + self.life.lease_seconds
        return (
            bool(self._config.control_urls)
            and self.life.age >= lease_over_at > self._asked_at
            and self._courier.hanging < MOST_HANGING_BEATS
        )

    def _take_answer(self) -> None:
        beat = self._courier.collect()
        if beat is None:
            return
        if beat.trouble != self._last_trouble:
            self._outside.log("; ".join(beat.trouble) or "all is well again")
            self._last_trouble = beat.trouble
        self._asked_at = self._beat_sent_at
        if beat.busy:
            self.life = busied(self.life, self._beat_sent_at)
        if beat.orders is not None:
            self._obey(obeyed(self.life, beat.orders, self.life.age))

    def _take_left_orders(self) -> None:
        mark = self._notebook.orders_mark()
        if mark == self._orders_mark:
            return
        self._orders_mark = mark
        left = self._notebook.orders(self._config.label)
        if left is None:
            return
        waited = self.life.clock - left.clock
        arrived_at = self.life.age - waited
        same_boot = left.boot_id == self.life.boot_id and waited >= 0
        if same_boot and arrived_at >= self.life.renewed_at:
            self._obey(obeyed(self.life, left.orders, arrived_at))
        else:
            # From before a reboot, or overtaken by an answer: too old to renew anything, but a stop stays a stop.
            self._obey(obeyed_late(self.life, left.orders))

    def _obey(self, told: Life) -> None:
        drain = told.draining and not self.life.draining
        self.life = told
        self._beat_due_at = min(self._beat_due_at, self._beat_sent_at + told.heartbeat_seconds)
        self._save()
        if drain:
            self._drain()

    def _drain(self) -> None:
        self._notebook.write(DRAINING, self._outside.calendar() + "\n")
        hook = self._outside.place / ON_DRAIN
        if os.access(str(hook), os.X_OK):
            self._outside.log("draining: running %s" % hook)
            self._outside.launch((str(hook),))

    def _end(self, reason: str) -> None:
        if self.life.ending is None:
            # Written down before it is done, so that a restart in between goes on ending.
            self.life = replace(self.life, ending=reason)
            self._save()
        self._ending.step(self.life.age, reason)

    def _save(self) -> None:
        trouble = self._notebook.save_life(self.life)
        if trouble is not None and (trouble,) != self._last_trouble:
            self._last_trouble = (trouble,)
            self._outside.log(trouble)
