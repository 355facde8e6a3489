"""The OAuth 2 provider: how programs that people let in get tokens. See docs/oauth.md."""
