"""AWS EC2: virtual machines in regions, on demand or as spot instances, with a token that makes a launch happen once."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.aws.adapter import AwsProvider
from gpu_shopper.providers.aws.mapping import DEFAULT_DISK_GB, END_COMMAND, PROVIDER
from gpu_shopper.providers.manifest import EndCommand, Manifest, SettingSpec

# A virtual machine with a large image is up in some minutes; describing lags by seconds, and by a minute on a bad day;
# an account may ask some five times a second in each region, and is asked for patience beyond.
# What is told to a node is 16 KiB at most, of which keys and the rest get half.
_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(120),
    quarantine=seconds(900),
    boot_grace=timedelta(minutes=15),
    observe_period=seconds(10),
    destroy_settle=seconds(10),
    requests_per_second=4.0,
    burst=8,
    launch_spacing=seconds(0.5),
    shop_period=seconds(300),
    start_script_limit=8 * 1024,
    # What is shutting-down is not billed, by the table of the life cycle in its user guide.
    destroy_ends_billing=True,
    leaving_bills=False,
    billing=BillingTerms(
        minimum=seconds(60),
        increment=seconds(1),
        billed_boot=seconds(60),
        included_disk_gb=DEFAULT_DISK_GB,
        stopped_share=0.0,
    ),
)
_CAPABILITIES = Capabilities(
    custom_image=False,
    exposed_ports=True,
    native_idempotency=True,
    interruptible=True,
    node_can_end_itself=True,
)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key_id",
            help="The id of an access key.",
            secret=True,
            variables=("AWS_ACCESS_KEY_ID",),
        ),
        SettingSpec(
            name="secret_key",
            help="The secret of that access key.",
            secret=True,
            variables=("AWS_SECRET_ACCESS_KEY",),
        ),
        SettingSpec(
            name="session_token",
            help="The token that belongs to an access key which holds for some hours.",
            secret=True,
            default="",
            variables=("AWS_SESSION_TOKEN",),
        ),
        SettingSpec(
            name="regions",
            help="Where to rent, with commas. An instance in a region that is not here is not found by its label.",
            default="us-east-1",
            variables=("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
        SettingSpec(
            name="url",
            help="Where its API is; `{region}` stands for the region.",
            default="https://ec2.{region}.amazonaws.com",
            variables=("AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL"),
        ),
        SettingSpec(
            name="image",
            help="The machine image: an id, or `resolve:ssm:` and a parameter that holds one. It must have cloud-init,"
            " Python and the driver.",
            default="resolve:ssm:/aws/service/deeplearning/ami/x86_64/"
            "base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
        SettingSpec(name="user", help="Who logs in at that image.", default="ubuntu"),
        SettingSpec(
            name="root_device", help="What that image calls its disk.", default="/dev/sda1"
        ),
        SettingSpec(
            name="security_group",
            help="The id of a security group that lets SSH in. Without it, one is made in each region's default network.",
            default="",
        ),
        SettingSpec(
            name="prices",
            help="Prices on demand that are not known here, such as `eu-west-1/g5.xlarge=1.123`, with commas.",
            default="",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=AwsProvider,
    bill_page="console.aws.amazon.com, Billing and Cost Management, Bills (a day later)",
    # What was put there at the first start; where it is not, as at a simulated node, nothing happens.
    end_request=EndCommand(words=("sudo", "-n", END_COMMAND)),
)
