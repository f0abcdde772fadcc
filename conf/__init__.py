"""The option files of every config group."""
