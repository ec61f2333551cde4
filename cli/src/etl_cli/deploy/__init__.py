"""`etl deploy` and `etl images`: one way to deploy, the same for a person and for a workflow."""


class DeployFailed(Exception):
    """The deployment did not come to its end. The message says what stands now, and what to do."""
