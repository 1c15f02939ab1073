"""Verda, formerly DataCrunch: virtual machines in Finland and Iceland, at a price or as spot."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import Manifest, SettingSpec
from gpu_shopper.providers.verda.adapter import VerdaProvider
from gpu_shopper.providers.verda.mapping import DEFAULT_DISK_GB, DEFAULT_IMAGE, PROVIDER

# Nothing makes a create idempotent, and how far a listing lags is not told: an instance that nobody lists is looked for
# long. Eight GPUs take a quarter of an hour to boot. How many requests it bears is not told either; a purchase takes
# three, an end six. Its volume is billed beside it, and on after it. No limit of a start-up script is told.
_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(120),
    quarantine=seconds(1800),
    boot_grace=timedelta(minutes=20),
    observe_period=seconds(10),
    destroy_settle=seconds(5),
    requests_per_second=3.0,
    burst=12,
    shop_period=seconds(60),
    billing=BillingTerms(
        increment=seconds(1),
        billed_boot=seconds(180),
        included_disk_gb=DEFAULT_DISK_GB,
        stopped_share=1.0,
        volume_price=0.2,
    ),
)
# An image is one of its own, with an operating system: nothing that a consumer's container image could stand in for.
_CAPABILITIES = Capabilities(custom_image=False, interruptible=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="client_id",
            help="The id of its API credentials.",
            secret=True,
            variables=("VERDA_CLIENT_ID", "DATACRUNCH_CLIENT_ID"),
        ),
        SettingSpec(
            name="key",
            help="The secret of its API credentials.",
            secret=True,
            variables=("VERDA_CLIENT_SECRET", "DATACRUNCH_CLIENT_SECRET"),
        ),
        SettingSpec(
            name="url",
            help="Where its API is, with or without the /v1.",
            default="https://api.verda.com",
            variables=("VERDA_BASE_URL",),
        ),
        SettingSpec(
            name="image",
            help="The image of its own that machines start with, where they can.",
            default=DEFAULT_IMAGE,
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=VerdaProvider,
    bill_page="console.verda.com, Billing",
)
