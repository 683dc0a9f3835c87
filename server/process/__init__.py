"""The process: sockets and workers, shutdown signals, and the installation's key file."""
