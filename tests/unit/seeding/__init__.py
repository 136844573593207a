"""Made-up pasts."""
