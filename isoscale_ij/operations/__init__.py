"""What is done to a calibrated image: each algorithm said once, in steps; none knows where the voxels lie."""
