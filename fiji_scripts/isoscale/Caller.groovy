package isoscale

import ij.ImagePlus
import ij.Macro
import ij.WindowManager
import ij.macro.Interpreter

/**
 * Who has asked for a command: a command runs on a thread of its own, and ImageJ keeps by thread which image is
 * chosen and which options were given.
 */
class Caller {
    /** The thread that asked, the one that asked that one, and so on. */
    final List<Thread> threads = []

    Caller(Object threadService) {
        def thread = Thread.currentThread()
        while (threads.size() < 20 && (thread = threadService?.getParent(thread)) != null) threads << thread
        // What an earlier command left on this thread of the pool was never chosen for this one.
        WindowManager.setTempCurrentImage(null)
    }

    /** The image that was chosen for this call, by IJ.run(imp, …) or by a macro; null where none was. */
    ImagePlus chosen() {
        Map table
        try {
            def field = WindowManager.getDeclaredField("tempImageTable")
            field.setAccessible(true)
            table = (Map) field.get(null)
        } catch (ReflectiveOperationException problem) { // another ImageJ, which keeps no such table
            if (inMacro()) throw new Problem("It cannot be known which image is meant; name it with imp=[title].", problem)
            return null
        }
        return (ImagePlus) threads.findResult { table.get(it) }
    }

    /** The image that a plugin would get here: the chosen one, else the active one. */
    ImagePlus activeImage() { chosen() ?: WindowManager.getCurrentImage() }

    boolean inMacro() { within { it.className.startsWith("ij.macro.") } }

    /** Whether ImageJ 1 asked, by IJ.run or a macro: it expects results where its own commands leave them. */
    boolean throughImageJ() { inMacro() || within { it.className == "ij.IJ" && it.methodName.startsWith("run") } }

    /** Whether Fiji's batch processor asked: it goes on with the next file, and has a table of what was said. */
    boolean inBatchProcessor() { within { it.className.startsWith("org.scijava.batch.") } }

    /** The options of a macro or of IJ.run as they were written; null where there are none. */
    String options() { Macro.getOptions()?.trim() ?: null }

    /** Show a result as ImageJ's own commands do: it is the active image when the caller goes on. */
    void show(ImagePlus made) {
        if (headless() && !throughImageJ()) return // who runs a module without windows takes its outputs
        made.show()
        def kept = WindowManager.getTempCurrentImage() // in batch mode and without a display: set for this thread only
        WindowManager.setTempCurrentImage(null)
        if (threads) WindowManager.setTempCurrentImage(threads[0], kept)
    }

    /** Stop the macro that has asked, with a sentence; its dialog is ImageJ's own, which goes on with "in line …". */
    void stopMacro(String sentence) {
        def interpreter = Interpreter.getInstance()
        if (interpreter == null) return
        if (headless()) interpreter.setIgnoreErrors(true) // without a dialog
        // On a thread without the macro's options: with them ImageJ shows no dialog.
        def teller = new Thread({
            try { interpreter.abort(sentence.replaceFirst(/\.$/, "")) } catch (RuntimeException macroCanceled) { }
        }, "isoscale-error")
        teller.start()
        teller.join()
    }

    static boolean headless() { java.awt.GraphicsEnvironment.isHeadless() || ij.IJ.getInstance() == null }

    private boolean within(Closure<Boolean> place) { threads.any { it.getStackTrace().any(place) } }
}
