"""Everything that touches the world: HTTP, the environment, the clock, the terminal."""
