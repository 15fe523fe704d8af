package isoscale

import ij.IJ

/** The Python environment that the jar makes for itself where no installer has named one. */
class Environment {
    static final String PYTHON = "3.12"

    /** The interpreter; built with Appose on first use, which takes minutes and needs the network once. */
    static String python() {
        String version = Worker.settings().version
        def built = System.getProperties().get("isoscale.built")
        if (built != null) return built
        IJ.showStatus("IsoScale: making its Python environment; this happens once and takes some minutes …")
        try {
            def environment = Worker.appose("Appose").uv().name("isoscale-ij-" + version).python(PYTHON)
                .include("isoscale-ij==${version}".toString(), "appose==0.12.0")
                .subscribeProgress { title, current, maximum ->
                    IJ.showStatus("IsoScale: " + title)
                    if (maximum > 0) IJ.showProgress(current / (double) maximum)
                }
                .subscribeError { line -> System.err.print(line) }.build()
            def folder = environment.base() as String
            def program = [new File(folder, "bin/python"), new File(folder, "Scripts/python.exe")].find { it.exists() }
            if (program == null) throw new IllegalStateException("no Python in " + folder)
            System.getProperties().put("isoscale.built", program.path)
            return program.path
        } catch (Problem problem) {
            throw problem
        } catch (Throwable problem) {
            throw new Problem("The Python environment could not be made (${problem.message}). Connect to the network and " +
                "try again; or install Python's isoscale-ij and run: isoscale-ij fiji install /path/to/Fiji.app", problem)
        }
    }
}
