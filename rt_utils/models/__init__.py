"""From a name to a frozen encoder, and the linear head on it."""
