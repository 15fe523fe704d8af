"""Where voxels lie, and how steps are driven over them: here in memory, or on a device.

The only room that knows memory limits, outputs and devices. :mod:`.protocol` says what operations
ask of a place, :mod:`.places` finds the place of an image, :mod:`.in_memory` and :mod:`.on_device`
are the places, :mod:`.resampling` drives a resampling over volumes and slabs.
"""
