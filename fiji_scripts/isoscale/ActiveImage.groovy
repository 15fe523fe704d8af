package isoscale

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import ij.macro.Interpreter

/**
 * Which image is meant. Where that cannot be known it is an error, never another image.
 *
 * A command runs on a thread of its own. The image that a caller has chosen for its own thread, with
 * IJ.run(imp, …) or with selectImage in a macro, is not the active image there; ImageJ keeps it in a
 * table by thread, and the caller waits while the command runs.
 */
class ActiveImage {
    static ImagePlus of(ImagePlus given) {
        if (given != null) return checked(given)
        def chosen = chosenByCallers()
        if (chosen.size() > 1)
            throw new Problem("Several images are being worked on at the same time " +
                "(${chosen*.getTitle().join(', ')}); name the one that is meant with imp=[title].")
        if (chosen.size() == 1) return checked(chosen[0])
        if (macroRuns() && Interpreter.isBatchMode()) {
            def ids = Interpreter.getBatchModeImageIDs() ?: [] as int[]
            if (ids.length == 1) return checked(Interpreter.getBatchModeImage(ids[0]))
            if (ids.length > 1) throw new Problem("${ids.length} images are open in batch mode, and none is chosen; " +
                "choose one with selectImage(id), or name it with imp=[title].")
        }
        def active = WindowManager.getCurrentWindow()?.getImagePlus()
        if (active != null) return checked(active)
        def ids = WindowManager.getIDList() ?: [] as int[]
        if (ids.length > 0) throw new Problem("Without a window it cannot be known which image is meant; give it as the " +
            "input imp, or name it with imp=[title].")
        throw new Problem("No image is open. Open one, for example with File > Open…")
    }

    /** Whether a person sits at the dialogs: no macro, no batch mode, no program without a display. */
    static boolean interactive() {
        !java.awt.GraphicsEnvironment.isHeadless() && IJ.getInstance() != null && !IJ.macroRunning() &&
            !Interpreter.isBatchMode()
    }

    /** Whether a macro runs now; ImageJ keeps the interpreter of the last one that ran. */
    static boolean macroRuns() {
        def interpreter = Interpreter.getInstance()
        return interpreter != null && !interpreter.done()
    }

    /** The images that threads have chosen for themselves, and that are waiting for a command now. */
    private static List<ImagePlus> chosenByCallers() {
        Map chosen
        try {
            def field = WindowManager.getDeclaredField("tempImageTable")
            field.setAccessible(true)
            chosen = new HashMap((Map) field.get(null))
        } catch (ReflectiveOperationException problem) { // another ImageJ, which keeps no such table
            if (macroRuns())
                throw new Problem("It cannot be known which image is meant; name it with imp=[title].", problem)
            return []
        }
        def images = chosen.findAll { thread, imp -> isInACommand((Thread) thread) }.values().toList()
        return images.toUnique { one, other -> System.identityHashCode(one) <=> System.identityHashCode(other) }
    }

    /** Whether a thread is inside of IJ.run or a macro; what other threads have chosen was for something that is over. */
    private static boolean isInACommand(Thread thread) {
        thread.isAlive() && thread.getStackTrace().any {
            it.className == "ij.IJ" && it.methodName.startsWith("run") || it.className.startsWith("ij.macro.")
        }
    }

    private static ImagePlus checked(ImagePlus imp) {
        if (imp.getWidth() == 0 || imp.getProcessor() == null)
            throw new Problem("The image '${imp.getTitle()}' has no pixels: it is closed or empty.")
        return imp
    }
}
