"""Figures of a study, from its run folders. Importing one of its modules imports Matplotlib."""
