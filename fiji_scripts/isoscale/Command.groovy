package isoscale

import ij.IJ
import ij.ImagePlus
import ij.Macro
import ij.plugin.frame.Recorder

/** How each command runs: image and options in, results where they are expected, a problem as one sentence. */
class Command {
    static final Map<String, List> COMMANDS = [
        rescale: ["Rescale to Isotropic", Fields.RESCALE], segment: ["Voronoi-Otsu Labeling", Fields.SEGMENT],
        compare: ["Compare Scalings", Fields.COMPARE], setVoxelSize: ["Set Voxel Size", Fields.VOXEL_SIZE],
        environment: ["IsoScale Environment", Fields.ENVIRONMENT], rescaleFiles: ["Rescale File", Fields.RESCALE_FILES],
        labelFiles: ["Label File", Fields.LABEL_FILES],
    ]

    private static final List<String> WITHOUT_IMAGE = ["environment", "rescaleFiles", "labelFiles"]

    /** Run one for a script: `variables` are its inputs, and get its outputs. */
    static void run(String command, Map variables) {
        def (String title, List<Field> fields) = COMMANDS[command]
        def module = variables["org.scijava.script.ScriptModule"]
        def context = module.context()
        def log = context.getService("org.scijava.log.LogService")
        def caller = new Caller(context.getService("org.scijava.thread.ThreadService"))
        String sentence = null, done = null
        try {
            IJ.showStatus("")
            // The batch processor runs one module again and again: nothing of the file before may stay in its table.
            module.getInfo().outputs().each { variables[it.getName()] = null }
            boolean takesImage = !(command in WITHOUT_IMAGE)
            def names = fields*.key + (takesImage ? ["imp"] : [])
            def given = names.collectEntries { [it, only(variables[it])] }.findAll { it.value != null }
            ImagePlus imp = !takesImage ? null :
                ActiveImage.of(given.imp, caller, context.getService("org.scijava.convert.ConvertService"))
            boolean asked = asks(fields, given, caller)
            def options = asked ? answers(command, fields, caller, imp) : options(title, fields, names, given, caller, imp)
            def outputs = Operations."$command"(imp, options, caller)
            done = outputs.remove("done")
            variables.putAll(outputs)
            if (asked) Fields.remember(command, options) // what was refused is not proposed again
        } catch (Cancelled cancelled) {
            sentence = "cancelled"
            done = title + ": cancelled"
        } catch (Throwable problem) {
            sentence = told(title, problem, log)
        }
        variables.error = sentence
        // All is shown already; what is not resolved, ImageJ2 would show once more, each text in a window of its own.
        module.getInfo().outputs().each { module.resolveOutput(it.getName()) }
        if (sentence != null) leave(title, sentence, caller)
        if (done) stay(done)
    }

    /** Whether a dialog is needed: somebody sits there, and none of the options was given. */
    private static boolean asks(List<Field> fields, Map given, Caller caller) {
        !Caller.headless() && caller.options() == null && !fields.any { given[it.key] != null }
    }

    /** What the dialog was answered; the recorder writes it down. */
    private static Map answers(String command, List<Field> fields, Caller caller, ImagePlus imp) {
        def values = Dialogs."$command"(imp)
        if (Recorder.record && !caller.inMacro()) fields.each { field ->
            if (field.kind in ["file", "folder"]) Recorder.recordPath(field.key, values[field.key]) // with its backslashes
            else Recorder.recordOption(field.key, values[field.key])
        }
        return checked(fields, values, imp)
    }

    /** The options that were given; those that were not are the usual ones. */
    private static Map options(String title, List<Field> fields, List<String> names, Map given, Caller caller, ImagePlus imp) {
        def written = caller.inBatchProcessor() ? [:] : Fields.written(caller.options()) // else the batch processor's own
        Fields.refuseOthers(title, names, written.keySet())
        fields.findAll { it.kind == "yes" && written.containsKey(it.key) && given[it.key] == null }.each { given[it.key] = "true" }
        return checked(fields, given, imp)
    }

    private static Map checked(List<Field> fields, Map values, ImagePlus imp) {
        def options = Fields.read(fields, values)
        if (options.channel != null && imp != null) options.channel = channel(imp, (String) options.channel)
        return options
    }

    /** The number of a channel that is given by number or name. */
    private static int channel(ImagePlus imp, String given) {
        def names = (1..imp.getNChannels()).collect { Pixels.channelName(imp, it) }
        int index = names.indexOf(given)
        if (index >= 0) return index + 1
        if (given.matches(/\d+(\.0)?/) && given.toDouble() >= 1 && given.toDouble() <= names.size()) return (int) given.toDouble()
        throw new Problem("Got the channel ${given}; the image '${imp.getTitle()}' has the channels " +
            Dialogs.channelNames(imp).join(", ") + ".")
    }

    /** An input comes as a set of one, which SciJava fills with anything and for which it has no widget. */
    private static Object only(Object input) { input instanceof Collection ? (input.size() ? input.first() : null) : input }

    /** The sentence of what went wrong; what was foreseen is a line in the log, all else the whole story. */
    private static String told(String title, Throwable problem, Object log) {
        if (problem instanceof Problem) {
            log.info("${title}: ${problem.message}".toString())
            if (IJ.debugMode || System.getenv("ISOSCALE_DEBUG")) log.error(title, problem)
            else log.debug(title, problem)
            return problem.message
        }
        log.error(title, problem)
        return "Something went wrong that should not (${problem}). The log has the whole story."
    }

    /** Nothing of what was foreseen came of it: the caller is told, a macro stops. */
    private static void leave(String title, String sentence, Caller caller) {
        boolean cancelled = sentence == "cancelled"
        if (caller.headless()) {
            if (!cancelled) println(title + ": " + sentence)
            if (caller.inMacro()) caller.stopMacro(sentence)
            return
        }
        if (!caller.inMacro()) Recorder.setCommand(null) // what was not done is not recorded
        try {
            if (cancelled && caller.throughImageJ()) Macro.abort() // as Cancel in a dialog of ImageJ's own
            else if (!cancelled && caller.inMacro()) caller.stopMacro(sentence)
            else if (!cancelled && !caller.inBatchProcessor()) IJ.error(title, sentence)
        } catch (RuntimeException macroCanceled) { } // which is meant for the caller's thread
    }

    /** Say in the status bar what was done, after ImageJ2 has said there that a command finished. */
    private static void stay(String text) {
        IJ.showStatus(text)
        if (Caller.headless()) return
        def timer = new javax.swing.Timer(400, { IJ.showStatus(text) })
        timer.setRepeats(false)
        timer.start()
    }
}
