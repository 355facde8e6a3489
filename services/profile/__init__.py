"""The profile service: who a person is to others, and what others may see."""
