"""If the control plane never comes back: the node ends its own instance, and who comes back late finds that out."""

from pathlib import Path

from tests.e2e.rig import Rig, until


def age_of_the_oldest(rig: Rig) -> float:
    answer = rig.cloud.control("GET", "ledger")
    return float(answer["now"] - min(entry["created_at"] for entry in answer["entries"]))


def test_a_node_that_nobody_answers_any_more_ends_its_own_instance(tmp_path: Path) -> None:
    with Rig(tmp_path, heartbeat_seconds="0.3", lease_minutes="0.05") as rig:
        session = rig.create()
        rig.running(session)

        rig.server.kill()
        until("the instance has ended itself", lambda: not rig.cloud.alive())

        assert ["self_ended"] == [entry["end_reason"] for entry in rig.cloud.ledger()]
        rig.serve()
        rig.end(session)
        rig.ended(session)
        assert ["proved"] == [row["proof"] for row in rig.book("SELECT proof FROM attempts")]
        # It ended unseen, so our bill ends with the last that was known of it: never later than the cloud's own.
        (metered,) = (entry["billed_micros"] for entry in rig.cloud.ledger())
        (booked,) = rig.book("SELECT sum(amount) AS micros FROM cost_entries")
        assert booked["micros"] <= metered


def test_a_node_outlives_its_servers_absence_as_long_as_its_lease(tmp_path: Path) -> None:
    with Rig(tmp_path, heartbeat_seconds="0.3", silence_minutes="0.05") as rig:
        session = rig.create()
        heard_at = rig.running(session)["last_heartbeat_at"]

        # Away for longer than the silence that is borne of a node: this time it was the server that was deaf.
        rig.server.kill()
        until("some time has passed", lambda: age_of_the_oldest(rig) > 6)
        rig.serve()

        until("it is heard again", lambda: rig.show(session)["last_heartbeat_at"] != heard_at)
        assert "running" == rig.show(session)["status"]
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()
