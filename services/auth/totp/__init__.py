"""Second proofs: codes of an app (RFC 6238), and recovery codes for the day on which the app is gone."""
