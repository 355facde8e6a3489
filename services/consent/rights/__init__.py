"""The rights of people over their data: a copy of everything, erasure, restriction."""
