"""Every figure of the README, measured in one run beside its peer."""
