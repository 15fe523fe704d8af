"""Volumes that are too large for the memory: the same steps in sweeps over blocks, bit for bit.

A sweep is one task for each block. A task opens what it needs by path, reads its block with the voxels
around it, writes what is its own, and returns a small summary; done twice it does the same. Every decision
over the whole is a reduction or a sort in which the order of the blocks does not matter, so neither
chunks, nor workers, nor their order can.

:mod:`.regions` cuts volumes up, :mod:`.readers` reads where the voxels lie, :mod:`.kept` keeps in memory what is
needed again, :mod:`.store` keeps blocks in files, :mod:`.settings` says in which folder, :mod:`.journal` what was begun
there. :mod:`.sweeps` runs the tasks here or on a cluster, :mod:`.tasks` and :mod:`.flooding` are the tasks;
:mod:`.counts`, :mod:`.joining` and :mod:`.tops` put together what blocks have found, :mod:`.nearest` knows which seeds
are near. :mod:`.steps` are the steps of labelling in these terms, :mod:`.place` is the place, :mod:`.lazy` makes arrays
of it all that are worked out when they are looked at, :mod:`.slices` goes through one slice by slice.
"""
