"""Fifty sessions at once: fifty real instances, each with its SSH server and its agent, all up, all down, all billed right."""

from pathlib import Path

import pytest

from tests.e2e.rig import Rig

COUNT = 50


# 26 s of one core, and each wait below has 90 s.
@pytest.mark.timeout(300)
def test_fifty_sessions_at_once_all_run_all_end_and_cost_what_they_cost(tmp_path: Path) -> None:
    with Rig(tmp_path, heartbeat_seconds="5") as rig:
        sessions = [rig.create(**rig.own_offer()) for _ in range(COUNT)]
        for session in sessions:
            rig.running(session, within_s=90)
        assert COUNT == len(rig.cloud.alive())
        rig.judge_entitled()

        for session in sessions:
            rig.end(session)
        assert {"stopped"} == {rig.ended(session, within_s=90)["status"] for session in sessions}
        assert [1] * COUNT == [len(rig.show(session)["attempts"]) for session in sessions]
        # Two cores are busy with fifty instances: an order to end one takes a while to arrive.
        rig.judge_rest(apart_s=6)
