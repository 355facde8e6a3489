"""The parts of a client: one per service of the platform."""
