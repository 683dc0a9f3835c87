"""Wake-ups after a write: subscribers, the listener for writes by other processes, and the outbox of callbacks."""
