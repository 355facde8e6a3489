"""The command `pulsemesh-edge`."""
