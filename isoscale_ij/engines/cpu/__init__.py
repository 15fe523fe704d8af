"""The default engine: compiled kernels on the processor, the same on every machine.

:mod:`.engine` is the engine; each of the other modules holds one step: numpy prepares it, a
compiled kernel does it over a range of slices, :mod:`.threads` runs the ranges.
"""
