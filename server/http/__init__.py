"""What every doorway shares: authentication, rate limits, deadlines, request bodies, logs of requests and faults."""
