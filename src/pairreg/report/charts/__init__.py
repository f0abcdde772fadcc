"""Charts of a study, from its run folders. Importing one of the modules imports Matplotlib."""
