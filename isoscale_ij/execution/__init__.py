"""Where voxels lie, and how steps are driven over them: here in memory, or on a device.

The only room that knows memory limits, outputs and devices. :mod:`.protocol` says what operations
ask of a place and of a volume there; :mod:`.places` has the places, and finds that of an image;
:mod:`.in_memory` and :mod:`.on_device` are the steps over one volume; :mod:`.resampling` goes over
volumes, and does one slab.
"""
