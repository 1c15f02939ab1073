"""The simulated Verda's front: who is let in, for how long, and what is shown to be on sale."""

import random
from collections.abc import Mapping, Sequence

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.vendor import Handler, VendorReply, VendorRequest
from gpu_shopper.testing.vendors.verda_menu import (
    CPU_ONLY,
    IMAGE_IDS,
    IMAGES,
    LOCATIONS,
    OLD_IMAGES,
    VOLUME_PRICES,
    Kind,
    on_sale,
)
from gpu_shopper.testing.vendors.verda_things import WithThings, told

TOKEN_S = 3600


class WithShop(WithThings):
    """An account that is asked by tokens, and has a menu."""

    def __init__(
        self,
        model: CloudModel,
        catalogue: Catalogue,
        kinds_: Mapping[str, Kind],
        *,
        key: str,
        chance: random.Random,
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self.catalogue = catalogue
        self.kinds = kinds_
        self._tokens: dict[str, float] = {}
        self._now = 0.0

    def routes_of_shop(self) -> Mapping[tuple[str, str], Handler]:
        """Return what answers who asks for a token, the menu or the account."""
        return {
            ("POST", "/v1/oauth2/token"): self._login,
            ("GET", "/v1/instance-types"): self._types,
            ("GET", "/v1/instance-availability"): self._availability,
            ("GET", "/v1/instance-availability/{type}"): self._is_available,
            ("GET", "/v1/volume-types"): self._volume_types,
            ("GET", "/v1/locations"): self._locations,
            ("GET", "/v1/images"): self._images,
            ("GET", "/v1/balance"): self._balance,
        }

    def hear(self, request: VendorRequest, *, now: float) -> VendorReply:
        """See there; whether a token still holds depends on the moment."""
        self._now = now
        self.settle(now)
        try:
            return super().hear(request, now=now)
        finally:
            self.settle(now)

    def open_paths(self) -> Sequence[str]:
        """See there."""
        return ("/v1/oauth2/token",)

    def admits(self, request: VendorRequest) -> bool:
        """See there: by a token, and never by the secret itself."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and self._tokens.get(token, 0.0) > self._now

    def revoke_tokens(self) -> None:
        """Let no token hold any more, before their time."""
        self._tokens.clear()

    def _login(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        body = request.body if isinstance(request.body, dict) else {}
        kind = body.get("grant_type")
        if kind == "client_credentials":
            admitted = bool(body.get("client_id")) and body.get("client_secret") == self.key
        else:
            admitted = kind == "refresh_token" and str(body.get("refresh_token")) in self._tokens
        if not admitted:
            return told(401, "unauthorized_request", "Invalid client id or client secret")
        granted = {name: self.chance.getrandbits(160).to_bytes(20).hex() for name in ("access_token", "refresh_token")}  # fmt: skip
        for token in granted.values():
            self._tokens[token] = now + TOKEN_S
        about = {"scope": "cloud-api-v1", "token_type": "Bearer", "expires_in": TOKEN_S}
        return VendorReply(body={**granted, **about})

    def _types(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        _, delay_s = self.offers(now)
        rows = [kind.row() for kind in self.kinds.values()]
        return VendorReply(body=[*rows, CPU_ONLY], delay_s=delay_s)

    def _availability(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del parts
        wanted = request.query.get("isSpot") == "true"
        rows, delay_s = self.offers(now)
        places = [one for one in on_sale(self.catalogue, rows) if one[2] == wanted]
        only = request.query.get("location_code")
        body = [
            {
                "location_code": code,
                "availabilities": [kind for kind, location, _ in places if location == code],
            }
            for code in LOCATIONS
            if only in {None, code}
        ]
        return VendorReply(body=body, delay_s=delay_s)

    def _is_available(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        rows, delay_s = self.offers(now)
        only, wanted = request.query.get("location_code"), request.query.get("isSpot") == "true"
        there = any(
            kind == parts[0] and is_spot == wanted and only in {None, location}
            for kind, location, is_spot in on_sale(self.catalogue, rows)
        )
        return VendorReply(body=there, delay_s=delay_s)

    def _volume_types(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, parts
        _, delay_s = self.offers(now)
        rows = [
            {"type": name, "price": {"currency": "usd", "price_per_month_per_gb": price}}
            for name, price in VOLUME_PRICES.items()
        ]
        return VendorReply(body=rows, delay_s=delay_s)

    def _locations(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        rows = [
            {"code": code, "name": name, "country_code": country}
            for code, (name, country) in LOCATIONS.items()
        ]
        return VendorReply(body=rows)

    def _images(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        kind = self.kinds.get(request.query.get("instance_type", ""))
        names = sorted({*IMAGES, *OLD_IMAGES}) if kind is None else kind.images
        rows = [
            {"id": IMAGE_IDS[name], "name": name, "image_type": name, "details": []}
            for name in names
        ]
        return VendorReply(body=rows)

    def _balance(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        said = self.act(now, "GET", "/v1/account")
        assert isinstance(said.body, dict), said
        body = {"amount": said.body["balance"], "currency": "usd"}
        return VendorReply(body=body, delay_s=said.delay_s)
