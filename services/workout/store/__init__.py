"""All SQL of the workout service except that of ingest.

Every function takes a connection inside a transaction and never commits. Whatever is asked for on behalf of
somebody is asked for with their user id: another person's row is no row.
"""
