package isoscale

import groovy.json.JsonOutput
import ij.IJ

/**
 * The Python process behind the commands: started with the first one, warm for the next, replaced when it has ended.
 *
 * The process is kept among the system properties, where whoever needs it finds it.
 */
class Worker {
    static final Object LOCK = "isoscale.lock".intern() // not the properties: before Java 9 all of Java would wait
    static final String SERVICE = "isoscale.worker", USED = "isoscale.worker.used"
    static final long PATIENCE = 5000 // for the answer to Esc
    static final long IDLE = 10 * 60 * 1000 // after that long without work the process ends by itself

    /** Run an operation of isoscale_ij.fiji.worker; gives its reply. */
    static Map call(String operation, Map request, Object source = null, Object target = null) {
        def inputs = [operation: operation, request: JsonOutput.toJson(request + [jar_version: settings().version])]
        if (source != null) inputs.source = source
        if (target != null) inputs.target = target
        def running = service()
        def task = running.task("from isoscale_ij.fiji import worker\n" +
            "worker.run(task, operation, request, globals().get('source'), globals().get('target'))\n", inputs)
        IJ.resetEscape()
        task.listen { event ->
            try { // an exception here would keep the caller waiting for ever
                if (event.message) IJ.showStatus("IsoScale: " + event.message)
                if (event.maximum > 0) IJ.showProgress(event.current / (double) event.maximum)
            } catch (Throwable ignored) { }
        }
        task.start()
        try {
            long asked = 0
            while (!task.status.isFinished()) {
                synchronized (task) { if (!task.status.isFinished()) task.wait(50) }
                if (!asked && (IJ.escapePressed() || Thread.currentThread().isInterrupted())) {
                    asked = System.currentTimeMillis()
                    task.cancel()
                }
                if (asked && System.currentTimeMillis() - asked > PATIENCE) { // it does not answer any more
                    running.kill()
                    forget()
                    throw new Cancelled()
                }
            }
        } catch (InterruptedException stopped) {
            task.cancel()
            for (int i = 0; i < 100 && !task.status.isFinished(); i++) sleep(20)
            throw new Cancelled()
        } finally {
            System.getProperties().put(USED, System.currentTimeMillis())
            IJ.showProgress(1.0)
            IJ.showStatus("") // what was being done is over
        }
        def outputs = task.outputs
        switch (task.status.toString()) {
            case "COMPLETE":
                if (outputs.cancelled) throw new Cancelled()
                if (outputs.error) throw new Problem((String) outputs.error, new RuntimeException((String) outputs.details))
                outputs.warnings?.each { IJ.log("IsoScale: " + it) }
                return outputs
            case "CANCELED": throw new Cancelled()
            case "CRASHED":
                forget()
                throw new Problem("The Python process ended in the middle of its work (out of memory?). Run the command " +
                    "again: it starts a new one.", new RuntimeException(task.error ?: ""))
            default: throw new Problem("Python could not do it; the log has the whole story.",
                new RuntimeException(task.error ?: ""))
        }
    }

    /** A class of Appose, found when it is used: a Fiji without it gets a sentence and not a failed script. */
    static Class appose(String name) {
        try {
            return Class.forName("org.apposed.appose." + name)
        } catch (ClassNotFoundException missing) {
            throw new Problem("Fiji has no Appose, or one that is too old (org.apposed.appose.${name} is missing). " +
                "Update Fiji, or run in a terminal: isoscale-ij fiji install /path/to/Fiji.app", missing)
        }
    }

    /** What the installer has written: the version of the jar, and the Python to use. */
    static Map settings() {
        def found = new Properties()
        Worker.class.getClassLoader().getResources("isoscale.properties").toList().with { places ->
            if (places.unique { it.toString() }.size() > 1) throw new Problem(
                "There are two IsoScale jars (${places*.toString().join(', ')}). Remove one from Fiji's jars folder.")
            if (places) places[0].withInputStream { found.load(it) }
        }
        def python = System.getProperty("isoscale.python") ?: found.getProperty("python")
        return [version: found.getProperty("version", "unknown"), python: python]
    }

    /** The process that runs, or a new one. */
    static Object service() {
        synchronized (LOCK) {
            def running = System.getProperties().get(SERVICE)
            if (running != null && running.isAlive()) return running
            long idle = System.currentTimeMillis() - ((System.getProperties().get(USED) ?: 0L) as long)
            if (running != null && idle < IDLE) IJ.log("IsoScale: the Python process had ended; a new one is started.")
            IJ.showStatus("IsoScale: starting Python …")
            def started = start()
            System.getProperties().put(SERVICE, started)
            return started
        }
    }

    /** End the process; the next command starts a new one. */
    static void stop() {
        synchronized (LOCK) {
            def running = System.getProperties().remove(SERVICE)
            if (running != null && running.isAlive()) running.close()
        }
    }

    private static void forget() { synchronized (LOCK) { System.getProperties().remove(SERVICE) } }

    private static Object start() {
        def python = settings().python ?: Environment.python()
        def program = new File((String) python)
        if (!program.canExecute()) throw new Problem("The Python that IsoScale was installed with is gone (${python}). " +
            "Run in a terminal: isoscale-ij fiji install /path/to/Fiji.app; or choose repair in IsoScale Environment.")
        def Service = appose("Service")
        def command = [python, "-c", "import appose.python_worker; appose.python_worker.main()"] as String[]
        def service
        try { // Appose before 0.7 has other constructors
            service = Service.newInstance(program.getParentFile(), command)
        } catch (GroovyRuntimeException other) {
            throw new Problem("Fiji's Appose is too old or too new for IsoScale. Update Fiji.", other)
        }
        if (service.metaClass.respondsTo(service, "init", String)) service.init("import numpy\n" + // early, because of Windows
            "from isoscale_ij.fiji.lines import write_whole_lines\nwrite_whole_lines()")
        service.debug { line -> if (System.getenv("ISOSCALE_DEBUG")) System.err.println(line) }
        return service.start() // now, so that a second command finds it alive
    }
}
