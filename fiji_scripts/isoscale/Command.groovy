package isoscale

import ij.IJ

/** How each command runs: what goes wrong becomes one sentence for the user, the whole story in the log. */
class Command {
    static List run(String title, Object log, String operation, Object[] arguments) {
        try {
            IJ.showStatus("")
            def result = Operations."$operation"(*arguments)
            if (operation != "segment") IJ.showStatus("") // which has said how many objects there are
            return [result, null]
        } catch (Cancelled cancelled) {
            IJ.showStatus("IsoScale: cancelled")
            return [null, "cancelled"]
        } catch (Throwable problem) {
            log?.error(title, problem)
            String sentence = problem instanceof Problem ? problem.message :
                "Something went wrong that should not (${problem}). The log has the whole story."
            IJ.error(title, sentence) // a dialog; without a display a line, and the macro stops
            return [null, sentence]
        }
    }
}
