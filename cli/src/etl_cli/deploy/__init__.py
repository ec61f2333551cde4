"""`etl deploy` and `etl images`: one way to deploy, the same for a person and for a workflow."""


class DeployFailed(Exception):
    """The deployment did not come to its end. The message says what stands now, and what to do."""


class ReleaseNotGood(DeployFailed):
    """It was applied, and does not run as it should: going back is safe, and meant for this."""
