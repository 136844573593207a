"""The schema: numbered SQL files, forward only."""
