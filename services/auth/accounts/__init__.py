"""Accounts, a module for each use case: signing up, resetting and changing, deleting."""
