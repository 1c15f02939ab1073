"""DigitalOcean: GPU droplets, virtual machines at a price list, in some regions."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.digitalocean.adapter import DigitalOceanProvider
from gpu_shopper.providers.digitalocean.mapping import PROVIDER
from gpu_shopper.providers.manifest import Manifest, SettingSpec

_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(90),
    # Nobody says how far its listing lags, and nothing makes a create idempotent: looked for long.
    quarantine=seconds(1800),
    # A droplet is there in a minute; a machine of eight GPUs takes several, and its drivers some more.
    boot_grace=timedelta(minutes=20),
    observe_period=seconds(10),
    destroy_settle=seconds(10),
    # 5,000 an hour, and 250 a minute: the hour is what binds.
    requests_per_second=1.3,
    burst=5,
    # Sizes seldom change; where there is one left does.
    shop_period=seconds(120),
    # User data may have 64 KiB; ours needs some of it for keys and variables.
    start_script_limit=56 * 1024,
    # "Ends when you destroy it", says its page on prices. It shows nothing as leaving: what is still active may not have obeyed.
    destroy_ends_billing=True,
    # By the second, a minute at least (and a cent, which no GPU's minute is below). The disk is in the price; what is
    # powered off bills in full.
    billing=BillingTerms(minimum=seconds(60), billed_boot=seconds(90)),
)
# The disk is the machine's whole one: what is asked for is a lower bound, which the offer's size keeps. Nothing stands
# between the public address and any of its ports.
_CAPABILITIES = Capabilities(exposed_ports=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="A personal access token of the account.",
            secret=True,
            variables=("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"),
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://api.digitalocean.com",
            variables=("DIGITALOCEAN_API_URL",),
        ),
        SettingSpec(
            name="image",
            help="The image (its slug or number) where a request names none; empty: the cloud's own for that GPU.",
            default="",
        ),
        SettingSpec(
            name="ssh_key",
            help="A key of the account (its number or fingerprint) that every droplet admits; empty: none, see the docs.",
            default="",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=DigitalOceanProvider,
    bill_page="cloud.digitalocean.com, Billing, Estimated costs",
)
