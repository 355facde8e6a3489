"""Signing in with outside providers: OpenID Connect, authorization code with PKCE."""
