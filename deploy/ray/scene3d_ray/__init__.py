"""scene3d on a Ray cluster: the application that the service sends its jobs to."""
