package isoscale

import ij.IJ

/**
 * What the scripts call. It is compiled anew for each run, and therefore small: the rest is compiled once, and kept
 * among the system properties.
 */
class Commands {
    /** Run an operation by its name; gives [its result, null] or [null, a sentence that says what went wrong]. */
    static List run(String title, Object log, String operation, Object... arguments) {
        synchronized ("isoscale.lock".intern()) {
            if (System.getProperties().get("isoscale.commands") == null) {
                def places = [IJ.getClassLoader(), Thread.currentThread().getContextClassLoader(), Commands.getClassLoader()]
                def parent = places.find { it?.getResource("isoscale/Command.groovy") != null }
                def loader = new GroovyClassLoader(parent)
                System.getProperties().put("isoscale.commands", loader.loadClass("isoscale.Command"))
            }
        }
        return System.getProperties().get("isoscale.commands").run(title, log, operation, arguments)
    }
}
