"""The plugin of napari: reader, writer, sample, and the widgets, each a form around one function.

``napari.yaml`` says what there is; nothing here is loaded before napari asks for it.
"""
