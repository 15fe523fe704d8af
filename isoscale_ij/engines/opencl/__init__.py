"""The same steps on an OpenCL device: :mod:`.engine` is the engine, :mod:`.devices` finds a device without pyopencl."""
