"""A cloud without start-up scripts, for real: the server logs in by asyncssh, and the agent begins to live."""

from pathlib import Path

from gpu_shopper.testing.programs import until
from tests.e2e.rig import Rig

NO_SCRIPTS = ("--start-script-bytes", "0")
TAKES_NONE = {"provider_sandbox_start_script_bytes": "0"}


def home_of(rig: Rig) -> Path:
    (entry,) = rig.cloud.alive()
    return rig.cloud.state / "instances" / entry["id"] / "home"


def test_the_agent_is_brought_and_the_consumers_script_with_it(tmp_path: Path) -> None:
    with Rig(tmp_path, cloud_options=NO_SCRIPTS, **TAKES_NONE) as rig:
        session = rig.create(on_start_cmd="echo $((6 * 7)); sleep 600")
        seen = rig.running(session)
        home = home_of(rig)

        until("the workload runs", lambda: (home / "workload.log").read_text() == "42\n")
        assert seen["host_key"].startswith("ssh-ed25519 ")
        kinds = [line.partition(" ")[0] for line in rig.history(session)]
        assert kinds.index("ssh_answered") < kinds.index("agent_brought")
        assert kinds.index("ssh_answered") < kinds.index("heard_from")
        # Nobody who is brought looks like somebody at work.
        environ = b"".join(
            Path(f"/proc/{pid}/environ").read_bytes() for pid in rig.cloud.processes()
        )
        assert b"SSH_CONNECTION" not in environ
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_behind_nat_it_is_brought_and_read_by_the_same_login(tmp_path: Path) -> None:
    with Rig(tmp_path, cloud_options=NO_SCRIPTS, public_url="none", **TAKES_NONE) as rig:
        session = rig.create()
        first = rig.running(session)["last_heartbeat_at"]

        until("it is read again", lambda: rig.show(session)["last_heartbeat_at"] > first)
        lines = (home_of(rig) / ".ssh" / "authorized_keys").read_text().splitlines()
        assert ["restrict,"] == [line[:9] for line in lines if "agent.pyz" in line]
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_a_small_limit_sends_only_what_fits(tmp_path: Path) -> None:
    with Rig(
        tmp_path,
        cloud_options=("--start-script-bytes", "30000"),
        provider_sandbox_start_script_bytes="30000",
    ) as rig:
        small = rig.create(**rig.own_offer())
        large = rig.create(**rig.own_offer(), on_start_cmd=f"# {'x' * 9_000}\nsleep 600")
        rig.running(small)
        rig.running(large)

        ways = "SELECT session_id, agent_way FROM attempts WHERE state = 'bound'"
        expected = {small: "in_order", large: "logged_in"}
        assert expected == {row["session_id"]: row["agent_way"] for row in rig.book(ways)}
        for session in (small, large):
            rig.end(session)
            rig.ended(session)
        rig.judge_rest()


def test_a_server_that_dies_before_it_has_brought_the_agent_brings_it_in_its_next_life(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path, cloud_options=NO_SCRIPTS, **TAKES_NONE) as rig:
        rig.cloud.misbehave({"kind": "slow_boot", "params": {"seconds": 1}})
        session = rig.create()
        logged_in = "SELECT 1 FROM attempts WHERE agent_way = 'logged_in'"
        address = "SELECT 1 FROM attempts WHERE endpoint IS NOT NULL"
        deaths = []
        for sight in (address, logged_in):
            until("it has come so far", lambda sight=sight: bool(rig.book(sight)))
            rig.server.kill()
            deaths.append(rig.book("SELECT heard FROM attempts")[0]["heard"])
            rig.serve()

        rig.running(session)
        assert None is deaths[0]
        assert 1 == len(rig.cloud.ledger())
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_a_cloud_that_is_said_to_take_scripts_and_does_not_costs_nothing(tmp_path: Path) -> None:
    with Rig(tmp_path, cloud_options=NO_SCRIPTS) as rig:
        session = rig.create()

        assert ("failed", "launch_failed") == tuple(
            rig.ended(session)[name] for name in ("status", "stop_reason")
        )
        assert [] == rig.cloud.ledger()


def test_a_driver_that_is_still_being_built_is_waited_for(tmp_path: Path) -> None:
    with Rig(tmp_path, cloud_options=(*NO_SCRIPTS, "--driver-seconds", "6"), **TAKES_NONE) as rig:
        session = rig.create()
        phases: list[str] = []

        def runs() -> bool:
            shown = rig.show(session)
            if shown["phase"] not in phases:
                phases.append(shown["phase"])
            return shown["status"] == "running"

        until("it runs", runs)
        assert "waiting for the GPU driver" in phases
        assert 1 == len(rig.cloud.ledger())
        rig.end(session)
        assert "stopped" == rig.ended(session)["status"]
        rig.judge_rest()


def test_whoever_stops_the_delivery_on_its_way_has_started_nothing(tmp_path: Path) -> None:
    with Rig(tmp_path, cloud_options=NO_SCRIPTS, **TAKES_NONE) as rig:
        session = rig.create(on_start_cmd="date +%s >>began; sleep 600")
        until("it is ordered", lambda: bool(rig.cloud.alive()))
        home = home_of(rig)
        for name in ("agent.pyz.new", "config.json", "watchdog.sh", "workload.user", "python"):
            files = (home / ".gpu-shopper" / name, home / ".gpu-shopper" / "python")
            until(f"{name} has come", lambda files=files: any(file.exists() for file in files))
            rig.server.kill()
            rig.serve(wait=False)

        rig.running(session)
        until("the workload runs", (home / "began").exists)
        assert 1 == len((home / "began").read_text().splitlines())
        rig.end(session)
        rig.ended(session)
        rig.judge_rest()
