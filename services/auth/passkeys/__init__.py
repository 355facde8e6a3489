"""Passkeys (WebAuthn): a way to sign in without a password, and a second proof beside one."""
