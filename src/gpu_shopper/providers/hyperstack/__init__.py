"""Hyperstack: virtual machines of fixed flavors, in a few regions, each in an environment of the account."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.hyperstack.adapter import HyperstackProvider
from gpu_shopper.providers.hyperstack.mapping import PROVIDER
from gpu_shopper.providers.manifest import Manifest, SettingSpec

_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(90),
    # Nobody says how far its listing lags, and nothing makes a create idempotent: looked for long.
    quarantine=seconds(1800),
    # Minutes for one GPU, more for eight; then the address is attached, and the system starts only after that.
    boot_grace=timedelta(minutes=25),
    observe_period=seconds(10),
    # It is shown as being deleted for a while.
    destroy_settle=seconds(10),
    # 500 requests a minute from one address, by its documents; half of that.
    requests_per_second=4.0,
    burst=8,
    # OpenStack takes 65,535 bytes of user data in base64, so 49,151; ours needs some of it for keys and for going over to
    # the user.
    start_script_limit=36_000,
    # Only ACTIVE and SHUTOFF are billed, by its page on which states are: so DELETING is not.
    destroy_ends_billing=True,
    leaving_bills=False,
    # By the minute. Stopped, it bills in full; the disk is in the price.
    billing=BillingTerms(increment=seconds(60), billed_boot=seconds(180), stopped_share=1.0),
)
# The disk is the flavor's own: what is asked for is a lower bound, which the offer's size keeps.
_CAPABILITIES = Capabilities(interruptible=True, exposed_ports=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="An API key of the account.",
            secret=True,
            variables=("HYPERSTACK_API_KEY",),
        ),
        SettingSpec(
            name="url",
            help="Where its API is, without the /v1.",
            default="https://infrahub-api.nexgencloud.com",
        ),
        SettingSpec(
            name="image",
            help="The name of the image where a request names none; empty: the newest Ubuntu with CUDA of the region.",
            default="",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=HyperstackProvider,
    bill_page="console.hyperstack.cloud, Billing, Resource usage",
)
