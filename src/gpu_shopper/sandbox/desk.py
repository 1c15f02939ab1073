"""The desk of the cloud: where calls to its API are answered, truly or not.

Each call is routed, its key looked at, and then the rules of misbehaviour have their say: some
answer before anything happens, some change what happens, some only what is told.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace

from gpu_shopper.sandbox import instances as status
from gpu_shopper.sandbox import misbehaviour as op
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.listing import BadQueryError, cut_short, page_of, parse_page, visible
from gpu_shopper.sandbox.messages import Json, ModelReply, ModelRequest, Row
from gpu_shopper.sandbox.misbehaviour import Rule
from gpu_shopper.sandbox.orders import BadOrderError, Order, parse_order
from gpu_shopper.sandbox.sales import Quote, Refusal, quote, sell
from gpu_shopper.sandbox.state import ModelState
from gpu_shopper.sandbox.telling import garbled_menu, garbled_purchase, retold, with_more

_GATES = ("lose_request", "down", "html_error", "rate_limited", "unauthorized")
_TITLE = "502 Bad Gateway"
_HTML = f"<html><head><title>{_TITLE}</title></head><body><h1>{_TITLE}</h1></body></html>\n"

_Act = Callable[[ModelRequest, float], ModelReply]


class Desk:
    """Answers one account's calls."""

    def __init__(self, state: ModelState) -> None:
        self._state = state
        self._routes: Mapping[str, Mapping[str, tuple[str, _Act]]] = {
            "v1/offers": {"GET": (op.OFFERS, self._offers)},
            "v1/instances": {"GET": (op.LIST, self._list), "POST": (op.CREATE, self._create)},
            "v1/instances/{id}": {
                "GET": (op.GET, self._get),
                "DELETE": (op.DESTROY, self._destroy),
            },
            "v1/self": {"DELETE": (op.SELF, self._end_self)},
            "v1/account": {"GET": (op.ACCOUNT, self._account)},
        }

    def answer(self, request: ModelRequest, *, now: float) -> ModelReply:
        """Answer one call."""
        parts = request.path.removeprefix("/").split("/")
        if parts[:2] == ["v1", "instances"] and len(parts) == 3:
            parts[2] = "{id}"
        methods = self._routes.get("/".join(parts))
        if methods is None:
            return error(404, "not_found", f"no such path: {request.path}")
        if request.method not in methods:
            return error(405, "method_not_allowed", f"{request.path} takes {', '.join(methods)}")
        operation, act = methods[request.method]
        if not self._admits(request.key, operation):
            return error(401, "unauthorized", "no such key")
        gate = self._state.rules.first_of(_GATES, operation)
        if gate is not None:
            return self._slowed(_gated(gate), operation)
        try:
            reply = act(request, now)
        except (BadQueryError, BadOrderError) as refused:
            return error(400, "bad_request", str(refused))
        return self._slowed(reply, operation)

    def buy(self, order: Order, *, now: float) -> ModelReply:
        """Sell an instance if it can be had, now or as a create that comes late."""
        state = self._state
        if state.config.name_is_token and (known := state.park.named(order.name)) is not None:
            return ModelReply(status=201, body=known.view())
        try:
            bought = quote(state, order, now=now)
        except Refusal as refusal:
            return error(refusal.status, refusal.code, refusal.message)
        instance = self._add(order, bought, now)
        if state.rules.strikes("bought_twice", op.CREATE) is not None:
            self._add(order, bought, now)
        return ModelReply(status=201, body=instance.view())

    def _add(self, order: Order, bought: Quote, now: float) -> Instance:
        state = self._state
        instance = sell(state, order, bought, now=now)
        state.park.add(instance, now=now)
        slow = state.rules.strikes("slow_boot", op.CREATE)
        boot_s = state.chance.uniform(*state.config.boot_s) + (
            slow.number("seconds") if slow else 0.0
        )
        state.agenda.note(now + boot_s, "boot", instance.id)
        preempt = state.rules.strikes("preempt", op.CREATE)
        if preempt is not None:
            state.agenda.note(now + preempt.number("seconds"), "preempt", instance.id)
        return instance

    def _admits(self, key: str, operation: str) -> bool:
        if operation == op.SELF:
            return self._state.park.by_key(key) is not None
        expected = self._state.config.account_key
        return hmac.compare_digest(key.encode(), expected.encode())

    def _slowed(self, reply: ModelReply, operation: str) -> ModelReply:
        late = self._state.rules.strikes("answer_late", operation)
        return reply if late is None else replace(reply, delay_s=late.number("seconds"))

    def _offers(self, request: ModelRequest, now: float) -> ModelReply:
        state = self._state
        page = parse_page(request.query, most=state.config.page_size_offers)
        period, share = state.period(now), state.config.absent_share
        full = state.park.full_offers()
        etag = state.catalogue.etag(period, full)
        garbled = state.rules.strikes("offers_garbled", op.OFFERS)
        if garbled is None and request.if_none_match == etag:
            return ModelReply(status=304, etag=etag)
        listed = [
            (index, row)
            for index, row in enumerate(state.catalogue.rows(period), start=1)
            if row["id"] not in full
            and not state.catalogue.is_absent(index - 1, period, share=share)
        ]
        body = page_of("offers", listed, page, show=_as_it_is, total=len(listed))
        if garbled is not None:
            return ModelReply(status=200, body=garbled_menu(garbled, body))
        return ModelReply(status=200, body=body, etag=etag)

    def _create(self, request: ModelRequest, now: float) -> ModelReply:
        _no_query(request)
        order = parse_order(request.body)
        most = self._state.config.start_script_bytes
        if len(order.on_start.encode()) > most:
            raise BadOrderError(f"at most {most} bytes - at `$.on_start`")
        rules = self._state.rules
        late = rules.strikes("create_late", op.CREATE)
        if late is not None:
            return self._create_later(request, late, now)
        reply = self.buy(order, now=now)
        if reply.status != 201:
            return reply
        if rules.strikes("lose_create_reply", op.CREATE) is not None:
            return replace(reply, lost=True)
        if rules.strikes("create_then_500", op.CREATE) is not None:
            return error(500, "internal", "something went wrong")
        return garbled_purchase(rules, reply)

    def _create_later(self, request: ModelRequest, late: Rule, now: float) -> ModelReply:
        state = self._state
        ticket = f"late-{state.next_sequence()}"
        state.parked_orders[ticket] = dict(request.body or {})
        state.agenda.note(now + late.number("seconds"), "create", ticket)
        reply = error(504, "timeout", "the cloud took too long to answer")
        return replace(reply, lost=late.params["answer"] == "cut")

    def _list(self, request: ModelRequest, now: float) -> ModelReply:
        state = self._state
        page = parse_page(request.query, most=state.config.page_size_instances, also=("name",))
        lag = state.rules.strikes("list_lag", op.LIST)
        lag_s = max(state.config.listing_lag_s, lag.number("seconds") if lag is not None else 0.0)
        held = state.park.living() if lag_s <= 0 else state.park.all()
        rows = visible(held, now=now, lag_s=lag_s)
        if "name" in request.query:
            rows = [each for each in rows if each.shown_name == request.query["name"]]
        flaps = state.rules.strikes("list_flaps", op.LIST)
        if flaps is not None:
            share = flaps.number("share")
            rows = [each for each in rows if state.chance.random() >= share]
        cut = state.rules.strikes("list_cut", op.LIST)
        if cut is not None:
            rows = cut_short(rows, share=cut.number("share"))
        if state.rules.strikes("list_empty", op.LIST) is not None:
            rows = []
        numbered = [(each.sequence, each) for each in rows]
        show = retold(state.rules, op.LIST)
        body = page_of("instances", numbered, page, show=show, total=len(rows))
        before = [each for at, each in numbered if at <= page.after]
        with_more(state.rules, body, before=show(before[-1]) if before else None)
        return ModelReply(status=200, body=body)

    def _get(self, request: ModelRequest, now: float) -> ModelReply:
        del now
        instance = self._named(request)
        if instance is not None and self._state.rules.is_down(instance.region, op.GET):
            return _region_down(instance.region)
        if instance is None or self._state.rules.strikes("get_false_404", op.GET) is not None:
            return error(404, "not_found", "no such instance")
        return ModelReply(status=200, body=retold(self._state.rules, op.GET)(instance))

    def _destroy(self, request: ModelRequest, now: float) -> ModelReply:
        instance = self._named(request)
        if instance is None:
            return error(404, "not_found", "no such instance")
        if self._state.rules.is_down(instance.region, op.DESTROY):
            return _region_down(instance.region)
        if self._state.rules.strikes("destroy_false_404", op.DESTROY) is not None:
            instance.destroy_calls += 1
            return error(404, "not_found", "no such instance")
        return self._end(instance, op.DESTROY, now)

    def _end_self(self, request: ModelRequest, now: float) -> ModelReply:
        _no_query(request)
        instance = self._state.park.by_key(request.key)
        assert instance is not None, "the key was admitted"
        return self._end(instance, op.SELF, now)

    def _end(self, instance: Instance, operation: str, now: float) -> ModelReply:
        """End an instance, or only claim to."""
        rules, park = self._state.rules, self._state.park
        instance.destroy_calls += 1
        if now < instance.reserved_until:
            return error(
                409, "reserved", "it is reserved for a while yet, and can't be ended before"
            )
        reason = "self_ended" if operation == op.SELF else "destroyed"
        if rules.strikes("ignore_destroy", operation) is not None:
            pass
        elif rules.strikes("stop_instead_of_destroy", operation) is not None:
            park.stop(instance, now=now)
        elif (slow := rules.strikes("slow_destroy", operation)) is not None:
            park.end_later(instance, reason=reason, at=now + slow.number("seconds"), now=now)
        else:
            park.end(instance, reason=reason, now=now)
            back = rules.strikes("resurrected", operation)
            if back is not None:
                self._state.agenda.note(now + back.number("seconds"), "return", instance.id)
        lost = rules.strikes("lose_destroy_reply", operation) is not None
        return ModelReply(status=202, body={"id": instance.id}, lost=lost)

    def _account(self, request: ModelRequest, now: float) -> ModelReply:
        _no_query(request)
        state = self._state
        left = state.config.balance_micros - state.park.billed_micros(now=now)
        return ModelReply(status=200, body={"balance": left / 1_000_000})

    def _named(self, request: ModelRequest) -> Instance | None:
        _no_query(request)
        instance = self._state.park.get(request.path.rpartition("/")[2])
        return None if instance is None or instance.status == status.ENDED else instance


def error(code: int, name: str, message: str) -> ModelReply:
    """Return an error as the API writes it."""
    return ModelReply(status=code, body={"error": name, "message": message})


def _region_down(region: str) -> ModelReply:
    return error(503, "region_unavailable", f"region {region} can't be reached just now")


def _no_query(request: ModelRequest) -> None:
    if request.query:
        raise BadQueryError(f"unknown query parameters: {', '.join(sorted(request.query))}")


def _as_it_is(row: dict[str, Json]) -> Row:
    return row


def _gated(rule: Rule) -> ModelReply:
    if rule.kind == "lose_request":
        return ModelReply(status=503, lost=True)
    if rule.kind == "html_error":
        return ModelReply(status=502, body=_HTML)
    if rule.kind == "down":
        return error(503, "unavailable", "the cloud is down")
    if rule.kind == "unauthorized":
        return error(401, "unauthorized", "no such key")
    refused = error(429, "rate_limited", "too many requests")
    return (
        replace(refused, retry_after_s=rule.number("retry_after"))
        if rule.params["tells"]
        else refused
    )
