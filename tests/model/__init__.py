"""Models of protocols, in the language of the model checker spin: every order of steps is tried."""
