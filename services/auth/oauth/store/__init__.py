"""All SQL of the OAuth 2 provider, a module for each concern. Every function here is a store function."""
