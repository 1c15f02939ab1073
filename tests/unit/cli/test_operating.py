"""Money, clouds, orphans, tokens, settings and the doctor."""

import json
from datetime import timedelta

import pytest

from tests.unit.cli.machine import Machine, rows_of
from tests.unit.client.fake_server import (
    NOW,
    FakeServer,
    problem,
)

SUMMARY = {
    "total_cost": 1.5, "session_count": 2, "hours_used": 3.25, "by_provider": {"sandbox": 1.5},
    "by_gpu_type": {"H100": 1.0, "A100": 0.5}, "by_consumer": {"me": 1.5}, "by_day": {"2026-01-01": 1.5},
    "period_start": NOW.isoformat(), "period_end": NOW.isoformat(), "currency": "USD",
}  # fmt: skip


def test_costs_are_shown_by_period_part_session_and_hour(server, machine: Machine) -> None:
    asked = []

    def answer(query):
        asked.append(query)
        if "session_id" in query:
            return 200, {
                "session_id": "ses_1",
                "total_cost": 0.25,
                "currency": "USD",
                "settled": True,
            }
        return 200, SUMMARY

    record = {
        "hour": NOW.isoformat(), "begins_at": NOW.isoformat(), "ends_at": NOW.isoformat(),
        "session_id": "ses_1", "consumer_id": "me", "provider": "sandbox", "gpu_type": "H100",
        "price_per_hour": 1.0, "cost": 0.125,
    }  # fmt: skip
    server.answers["GET", "/api/v1/costs"] = answer
    server.answers["GET", "/api/v1/costs/summary"] = (200, SUMMARY)
    server.answers["GET", "/api/v1/costs/hourly"] = (200, {"records": [record], "count": 1})

    period = machine(
        "costs", "--from", "2026-01-01", "--to", "2026-01-31", "--by", "gpu", "-o", "csv"
    )
    one = machine("costs", "--session", "ses_1")
    month = machine("costs", "summary", "-o", "json")
    hours = machine("costs", "hourly", "-o", "csv")

    assert {"start_date": ["2026-01-01"], "end_date": ["2026-01-31"]} == asked[0]
    assert [("A100", "0.500000"), ("H100", "1.000000")] == [
        (r["name"], r["cost"]) for r in rows_of(period.stdout)
    ]
    assert "0.250000" in one.stdout
    assert 1.5 == json.loads(month.stdout)["total_cost"]
    assert "0.125000" == rows_of(hours.stdout)[0]["cost"]
    assert 2 == machine("costs", "--session", "x", "--by", "gpu").exit_code


BILLING = {
    "minimum_s": 0.0, "increment_s": 1.0, "billed_start_s": 0.0, "included_disk_gb": 0,
    "currency": "USD", "usd_per_unit": 1.0, "exchange_fee": 0.0, "smallest_charge": 0.0,
    "stopped_share": 0.0, "volume_price_per_gb_month": None, "destroy_ends_billing": False,
}  # fmt: skip


def cloud(**more) -> dict:
    return {
        "name": "sandbox", "capabilities": {"spot": True}, "safety_layers": {"agent_ends_work": True, "agent_ends_bill": False},
        "offers": 3, "market_age_s": 1.0, "last_error": None, "last_sweep_at": NOW.isoformat(),
        "last_complete_sweep_at": NOW.isoformat(), "instances_seen": 1, "strays_seen": 0, "orphans_seen": 0,
        "open_obligations": 1, "frozen_since": None, "frozen_because": "", "unauthorized_since": None,
        "balance": 12.5, "billing": BILLING, **more,
    }  # fmt: skip


def test_providers_show_what_holds_and_what_is_wrong(server: FakeServer, machine: Machine) -> None:
    clouds = [cloud(last_error="timed out")]
    server.answers["GET", "/api/v1/providers"] = (200, {"providers": clouds, "count": 1})

    (row,) = rows_of(machine("providers", "-o", "csv").stdout)

    assert ("sandbox", "agent_ends_work", "timed out", "12.50") == (
        row["cloud"], row["safety"], row["trouble"], row["balance"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, "by the second"),
        ({"increment_s": 1e-6, "billed_start_s": 2.0, "stopped_share": 0.1}, "by the second, start of 2 s, stopped 10%"),
        ({"increment_s": 3600.0, "minimum_s": 86400.0}, "by 1 h, at least 24 h"),
        ({"increment_s": 60.0, "minimum_s": 90.0, "currency": "EUR", "exchange_fee": 0.015}, "by 1 min, at least 90 s, in EUR, exchange 1.5%"),
        ({"volume_price_per_gb_month": 0.07, "stopped_share": 1.0}, "by the second, stopped 100%, volume 0.07 USD/GB/month"),
    ],
)  # fmt: skip
def test_providers_show_how_they_bill(
    server: FakeServer, machine: Machine, terms: dict, said: str
) -> None:
    clouds = [cloud(billing=BILLING | terms)]
    server.answers["GET", "/api/v1/providers"] = (200, {"providers": clouds, "count": 1})

    (row,) = rows_of(machine("providers", "-o", "csv").stdout)

    assert said == row["bills"]


ORPHANS = {
    "orphans": [{"provider": "sandbox", "instance_id": "i-1", "label": "gs-1", "kind": "unwanted", "action": "destroying it"}],
    "count": 1, "strays": 2, "instances": 3, "complete": True, "dry_run": True, "troubles": [],
}  # fmt: skip


def test_cleanup_only_looks_unless_told_to_act(server: FakeServer, machine: Machine) -> None:
    server.answers["GET", "/api/v1/operations/orphans"] = (200, ORPHANS)
    sweeps = iter([None, NOW.isoformat()])
    server.answers["GET", "/api/v1/providers"] = lambda _: (
        200, {"providers": [cloud(last_sweep_at=next(sweeps))], "count": 1},
    )  # fmt: skip
    server.answers["POST", "/api/v1/operations/sweep"] = (202, {"message": "soon"})

    looked = machine("cleanup-orphans")
    assert 0 == server.times("POST", "/api/v1/operations/sweep")
    acted = machine("cleanup-orphans", "--execute", "-o", "json")

    assert (1, 1) == (looked.exit_code, acted.exit_code)
    assert "i-1" in looked.stdout
    assert "--execute acts" in looked.stderr
    assert 1 == server.times("POST", "/api/v1/operations/sweep")
    assert 1 == json.loads(acted.stdout)["count"]


TOKEN = {
    "id": "tok_1", "kind": "admin", "consumer_id": None, "name": "laptop",
    "created_at": NOW.isoformat(), "expires_at": None, "revoked_at": None,
}  # fmt: skip


def test_a_token_prints_its_secret_alone(server: FakeServer, machine: Machine) -> None:
    server.answers["POST", "/api/v1/tokens"] = (201, {"token": TOKEN, "secret": "s3cret"})
    server.answers["GET", "/api/v1/tokens"] = (200, {"tokens": [TOKEN], "count": 1})
    server.answers["DELETE", "/api/v1/tokens/tok_1"] = (200, {"message": "ok"})

    made = machine("token", "create", "--admin", "--name", "laptop")

    assert "s3cret\n" == made.stdout
    assert "laptop" == rows_of(machine("token", "list", "-o", "csv").stdout)[0]["name"]
    assert 0 == machine("token", "revoke", "tok_1").exit_code
    assert 2 == machine("token", "create").exit_code
    assert 2 == machine("token", "create", "--admin", "--consumer", "me").exit_code


def test_a_missing_token_is_explained(server: FakeServer, machine: Machine) -> None:
    server.faults = [problem(401, "unauthenticated", "a token is needed here")]

    refused = machine("sessions", "list")

    assert 4 == refused.exit_code
    assert "GPU_SHOPPER_TOKEN" in refused.stderr


def test_notices_are_listed(server: FakeServer, machine: Machine) -> None:
    notice = {
        "id": "n1", "at": NOW.isoformat(), "kind": "orphan", "text": "look here",
        "details": {}, "delivered_at": None, "tries": 0,
    }  # fmt: skip
    server.answers["GET", "/api/v1/notices"] = (200, {"notices": [notice], "count": 1})

    assert "look here" in machine("notices").stdout


def test_config_shows_where_values_come_from_and_no_secret(machine: Machine) -> None:
    machine.environ["GPU_SHOPPER_TOKEN"] = "s3cret"

    rows = {row["setting"]: row for row in rows_of(machine("config", "show", "-o", "csv").stdout)}

    assert ("•••", "$GPU_SHOPPER_TOKEN") == (rows["token"]["value"], rows["token"]["from"])
    assert "300 s" == rows["sweep_period_s"]["value"]


def test_the_doctor_finds_nothing_on_a_good_day(server: FakeServer, machine: Machine) -> None:
    services = {"ready": "true"}
    server.answers["GET", "/health"] = (
        200,
        {"status": "ok", "timestamp": NOW.isoformat(), "services": services},
    )
    server.answers["GET", "/api/v1/providers"] = (200, {"providers": [cloud()], "count": 1})

    found = machine("doctor", "-o", "csv")

    assert 0 == found.exit_code
    assert {"ok"} == {row["verdict"] for row in rows_of(found.stdout)}
    assert {"Python", "Data folder", "Database", "Server", "Clock", "Cloud sandbox", "SSH"} <= {
        row["check"] for row in rows_of(found.stdout)
    }


def test_the_doctor_finds_open_keys_a_broken_book_and_a_wrong_clock(server, machine) -> None:
    machine.data.mkdir(parents=True)
    (machine.data / "deployment.key").write_text("x")
    (machine.data / "deployment.key").chmod(0o644)
    (machine.data / "shopper.db").write_bytes(b"this is no database" * 100)
    late = (NOW + timedelta(minutes=5)).isoformat()
    server.answers["GET", "/health"] = (
        503,
        {"status": "degraded", "timestamp": late, "services": {}},
    )
    server.answers["GET", "/api/v1/providers"] = (
        200,
        {"providers": [cloud(last_error="down")], "count": 1},
    )

    found = machine("doctor", "-o", "csv")

    verdicts = {row["check"]: row["verdict"] for row in rows_of(found.stdout)}
    assert 1 == found.exit_code
    assert ("wrong", "wrong", "warning", "wrong") == (
        verdicts["Key file"], verdicts["Database"], verdicts["Clock"], verdicts["Cloud sandbox"],
    )  # fmt: skip


def test_the_sandbox_gets_its_places_unless_told_others(machine: Machine) -> None:
    machine("sandbox", "--port", "8500")
    machine("sandbox", "--state-dir=/x", "--key", "k")

    assert ["--port", "8500", "--state-dir", str(machine.data / "sandbox-by-hand")] == machine.ran[
        0
    ][3:7]
    assert ["--state-dir=/x", "--key", "k"] == machine.ran[1][3:]


def test_a_fault_of_ours_is_a_sentence_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Machine, "run_program", lambda *_: 1 / 0)

    broken = machine("sandbox")

    assert 1 == broken.exit_code
    assert broken.stderr.splitlines()[-2].startswith("error: something went wrong")
    assert "Traceback" not in broken.stderr
