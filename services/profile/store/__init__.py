"""All SQL of the profile service."""
