"""What happens when things break: with the real thing, never with something that plays it."""
