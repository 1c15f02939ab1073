"""The real cloud's list of offers hangs, is garbage, asks for patience: the menu stays, marked, and the GPU is had."""

from pathlib import Path
from typing import Any

from gpu_shopper.testing.programs import until
from tests.e2e.rig import Rig

OFFERS = ["offers"]
MISDEEDS: tuple[dict[str, Any], ...] = (
    {"kind": "answer_late", "operations": OFFERS, "params": {"seconds": 30}},
    {"kind": "offers_garbled", "params": {"body": "rows", "share": 0.9}},
    {"kind": "offers_garbled", "params": {"body": "empty"}},
    {"kind": "rate_limited", "operations": OFFERS, "params": {"retry_after": 1}},
)
EXPECTED = ("no answer", "rows cannot be read", "it lists 0 offers after", "too many requests")


def source(rig: Rig) -> dict[str, Any]:
    """Return what the menu says of the cloud; that it is not there yet is no menu."""
    body = rig.ask("GET", "/inventory?limit=1").body
    return body["providers"][0] if "providers" in body else {"ok": False, "error": None}


def test_a_list_of_offers_that_goes_wrong_leaves_the_last_good_one(tmp_path: Path) -> None:
    with Rig(tmp_path, shop_period_s="1") as rig:
        until("the menu is there", lambda: source(rig)["ok"])
        offers = source(rig)["offers"]
        for rule, expected in zip(MISDEEDS[1:], EXPECTED[1:], strict=True):
            rig.cloud.misbehave(rule)
            until(expected, lambda expected=expected: expected in (source(rig)["error"] or ""))
            assert (False, offers) == (source(rig)["ok"], source(rig)["offers"])
            session = rig.create(**rig.own_offer())
            rig.running(session)
            rig.end(session)
            rig.cloud.misbehave()
            # What was rented is on sale again only when its end has come through.
            until("it is fine again", lambda: source(rig)["ok"] and source(rig)["offers"] == offers)


def test_a_menu_survives_the_server_while_its_cloud_hangs(tmp_path: Path) -> None:
    with Rig(tmp_path, shop_period_s="1") as rig:
        until("the menu is there", lambda: source(rig)["ok"])
        until("it is kept", lambda: list((rig.folder / "data" / "menus").glob("*.menu")))
        offers = source(rig)["offers"]
        rig.cloud.misbehave(MISDEEDS[0])
        rig.server.end()
        rig.serve()

        shown = source(rig)
        assert (False, offers) == (shown["ok"], shown["offers"])
        assert "not heard since the start" in shown["error"]
        assert shown["age_s"] > 0
        session = rig.create(**rig.own_offer())
        rig.running(session)
        rig.end(session)
        rig.cloud.misbehave()
        until("it is heard", lambda: source(rig)["ok"])
