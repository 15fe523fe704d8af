package isoscale

/** Work for a dialog that is open: of what was asked for, only the latest is done, and nothing once the dialog is closed. */
class Background {
    private final Object lock = new Object()
    private Closure next
    private boolean closed, busy
    private Thread thread

    /** Do this soon, and what was asked for before no more. */
    void ask(Closure work) {
        synchronized (lock) {
            if (closed) return
            next = work
            if (thread == null) {
                thread = new Thread({ loop() }, "isoscale-dialog")
                thread.setDaemon(true)
                thread.start()
            } else if (busy) thread.interrupt() // Python is told to leave the former
            lock.notifyAll()
        }
    }

    /** Nothing more; what runs is left. */
    void close() {
        synchronized (lock) { closed = true; next = null; if (busy) thread.interrupt(); lock.notifyAll() }
        thread?.join(5000)
    }

    private void loop() {
        while (true) {
            Closure work = null
            try {
                synchronized (lock) {
                    while (next == null && !closed) lock.wait()
                    if (closed) return
                    lock.wait(150) // somebody types
                    if (closed) return
                    work = next
                    next = null
                    busy = true
                }
                work()
            } catch (InterruptedException | Cancelled another) {
                // what was asked for instead is done next
            } catch (Throwable problem) {
                ij.IJ.showStatus("IsoScale: " + problem.message)
            } finally {
                synchronized (lock) { // an interruption was meant for the work that is over, not for the next
                    busy = false
                    Thread.interrupted()
                }
            }
        }
    }
}
