"""All SQL of athletes' numbers. Functions take a connection inside a transaction and never commit."""
