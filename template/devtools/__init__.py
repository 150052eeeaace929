"""What the template maintains beside the service; updates rewrite it, so leave it as it is."""
