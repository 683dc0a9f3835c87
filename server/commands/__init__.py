"""The commands that manage what is in the database: clients and the installation's key."""
