"""What the TIFF formats share: the structure of a file, reading, changing a directory in place, dialects."""
