"""Applies the configuration to emulators of AWS, changes it, and destroys it again."""
