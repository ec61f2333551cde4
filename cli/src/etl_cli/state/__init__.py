"""Copies of what the services know of their own progress, leases and states, and the way back from them."""
