"""What every doorway does first: who asks, whether there is room, how long it may take, what a body is, how a fault is logged."""
