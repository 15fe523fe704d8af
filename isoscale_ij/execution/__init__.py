"""Where voxels lie, and how steps are driven over them: here in memory, on a device, or in chunks.

The only room that knows devices, dask, and what an image's work takes. :mod:`.protocol` says what operations
ask of a place and of a volume there; :mod:`.places` has the places, and finds that of an image;
:mod:`.in_memory` and :mod:`.on_device` are the steps over one volume; :mod:`.resampling` goes over
volumes, and does one slab; :mod:`.chunks` is for what is larger than the memory.
"""
