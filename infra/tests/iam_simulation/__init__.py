"""Simulates IAM: what each service calls is allowed by its role's policy, and everything else is denied."""
