"""Who is woken when something has changed: subscribers, the listener for other processes, and the outbox of callbacks."""
