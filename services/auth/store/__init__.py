"""All SQL of the auth service, a module for each concern. Every function here is a store function."""
