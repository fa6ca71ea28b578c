"""What an adversary finds: attacks, searches, probes, one row per point, and checks of the attacks."""
