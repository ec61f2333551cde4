"""Operations on the account as a whole, one function each."""

from local_aws.kinesis.account import Account
from local_aws.kinesis.validation import Body

Answer = dict[str, object]


def describe_limits(account: Account, _: Body, now: int) -> Answer:
    """DescribeLimits: how many open shards and on-demand streams there are, and may be."""
    streams = account.streams(now)
    return {
        "ShardLimit": account.settings.shard_limit,
        "OpenShardCount": sum(len(stream.open_shards) for stream in streams if stream.mode == "PROVISIONED"),
        "OnDemandStreamCount": sum(stream.mode == "ON_DEMAND" for stream in streams),
        "OnDemandStreamCountLimit": account.settings.on_demand_stream_limit,
    }


def describe_account_settings(_: Account, __: Body, ___: int) -> Answer:
    """DescribeAccountSettings: no commitment to a minimum throughput."""
    return {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
