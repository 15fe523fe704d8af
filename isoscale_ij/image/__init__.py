"""What a calibrated image is: its axes, its units, its grid, and all that an edge says of it beside its voxels."""
