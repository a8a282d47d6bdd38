"""What a generative model makes of a data set, and which settings make it best."""
