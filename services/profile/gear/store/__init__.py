"""All SQL of gear. Every query names whose gear it is about."""
