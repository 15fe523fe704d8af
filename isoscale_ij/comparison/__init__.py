"""The same segmentation on several grids of one image: the table, the pictures, and all of it as files."""
