"""Where idempotency records and rate limits are kept."""
