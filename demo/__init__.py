"""`make demo`: the main job, with the commands that a user would type."""
