"""Lambda Cloud: virtual machines at a price list, each whole, in some regions."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.lambda_cloud.adapter import LambdaProvider
from gpu_shopper.providers.lambda_cloud.mapping import PROVIDER
from gpu_shopper.providers.manifest import Manifest, SettingSpec

_QUIRKS = Quirks(
    # A create waits for a machine to be found, which takes seconds.
    call_deadline=seconds(60),
    adoption_window=seconds(90),
    # Nobody says how far its listing lags, and nothing makes a create idempotent: looked for long.
    quarantine=seconds(1800),
    # Three to five minutes for one GPU; machines of eight take up to a quarter of an hour.
    boot_grace=timedelta(minutes=25),
    observe_period=seconds(10),
    # It is shown as terminating for a minute or more.
    destroy_settle=seconds(10),
    # One request a second, and one launch in twelve, by its documents; a little more, since ours take time on the way.
    requests_per_second=1.0,
    burst=1,
    launch_spacing=seconds(12.5),
    # User data may have a megabyte; ours needs some of it for keys and for going over to the user.
    start_script_limit=900_000,
    # "Ends the moment you terminate the instance", says its page on billing; its older one names the call.
    destroy_ends_billing=True,
    leaving_bills=False,
    # By the minute, from the first passed health check on; the disk is in the price, and nothing can be stopped.
    billing=BillingTerms(increment=seconds(60)),
)
# The disk is the machine's whole one: what is asked for is a lower bound, which the offer's size keeps.
_CAPABILITIES = Capabilities()


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="An API key of the account.",
            secret=True,
            variables=("LAMBDA_API_KEY", "LAMBDA_CLOUD_TOKEN"),
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://cloud.lambda.ai",
            variables=("LAMBDA_CLOUD_BASE_URL",),
        ),
        SettingSpec(
            name="image",
            help="The image (its id, or a family) where a request names none; empty: the cloud's own choice.",
            default="",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=LambdaProvider,
    bill_page="cloud.lambda.ai, Settings, Usage",
)
