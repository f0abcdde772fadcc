"""A run as one HTML page: its images, labels, landmarks and deformation, slice by slice in three planes."""
