package isoscale

import ij.IJ

/**
 * What the scripts call. It is compiled anew for each run, and therefore small: the rest is compiled once, and kept
 * among the system properties.
 */
class Commands {
    /** Run a command for a script, which has inputs among its variables and gets outputs there; `error` says what went wrong. */
    static void run(String command, Binding script) {
        synchronized ("isoscale.lock".intern()) {
            if (System.getProperties().get("isoscale.commands") == null) {
                def places = [IJ.getClassLoader(), Thread.currentThread().getContextClassLoader(), Commands.getClassLoader()]
                def parent = places.find { it?.getResource("isoscale/Command.groovy") != null }
                def loader = new GroovyClassLoader(parent)
                System.getProperties().put("isoscale.commands", loader.loadClass("isoscale.Command"))
            }
        }
        System.getProperties().get("isoscale.commands").run(command, script.getVariables())
    }
}
