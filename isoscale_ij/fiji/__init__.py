"""IsoScale in Fiji's menu: building and installing the jar of commands, and the Python worker behind them.

The commands themselves are SciJava scripts in ``fiji_scripts/``. They move pixels through shared
memory to :mod:`.worker`, which runs in a process of its own. Nothing here imports JPype.
"""
