package isoscale

import ij.ImagePlus
import java.math.MathContext

/** What the dialogs of the commands say and ask, where somebody sits at one. */
class Dialogs {
    /** Sizes and units of the new image are said while somebody chooses. */
    static Map rescale(ImagePlus imp) {
        def form = new Form("Rescale to Isotropic", Fields.ABOUT.rescale, Fields.RESCALE, Fields.remembered("rescale", Fields.RESCALE))
        def image = Pixels.describe(imp)
        String selection = imp.getRoi() != null ? "The selection is ignored: the whole image is rescaled.\n" : ""
        def predicted = new Background()
        try {
            return form.ask { shown ->
                def values = form.values()
                enableOwnSize(form, values)
                predicted.ask {
                    String text
                    try {
                        text = Worker.call("plan_rescale", [image: image, options: Fields.read(Fields.RESCALE, values)]).text
                    } catch (Problem problem) { text = problem.message }
                    form.say(selection + text)
                }
            }
        } finally { predicted.close() }
    }

    static Map rescaleFiles(ImagePlus none) { files("rescaleFiles", "rescale_files", Fields.RESCALE_FILES) }

    static Map labelFiles(ImagePlus none) { files("labelFiles", "label_files", Fields.LABEL_FILES) }

    /** What is there to be done is said while somebody chooses. */
    private static Map files(String command, String operation, List<Field> fields) {
        def form = new Form((String) Command.COMMANDS[command][0], Fields.ABOUT[command], fields, Fields.remembered(command, fields))
        def look = new Background()
        try {
            return form.ask { shown ->
                def values = form.values()
                if (values.target != null) enableOwnSize(form, values)
                look.ask {
                    try {
                        def request = [input: values.input, output: values.output, operation: operation]
                        form.say((String) Worker.call("find_files", request).text)
                    } catch (Problem problem) { form.say(problem.message) }
                }
            }
        } finally { look.close() }
    }

    /** A size of one's own, and its unit, count only where it is asked for. */
    private static void enableOwnSize(Form form, Map values) {
        ["size", "unit"].each { form.enable(it, values.target == "own") }
    }

    static Map segment(ImagePlus imp) {
        def form = new Form("Voronoi-Otsu Labeling", Fields.ABOUT.segment, Fields.SEGMENT, filled("segment", Fields.SEGMENT, imp), channels(imp))
        def work = new Background()
        addSuggest(form, imp, Fields.SEGMENT, work)
        def box = form.addBox("Preview", "Shows the labels on the image before anything is made.")
        def preview = new LabelPreview(imp)
        String known = voxels(imp) + (imp.getRoi() != null ? "\nThe selection is ignored: the whole image is labelled." : "")
        try {
            return withNumber(imp, form.ask { shown ->
                def values = withNumber(imp, form.values())
                form.say(known)
                work.ask {
                    if (!box.isSelected()) { preview.clear(); return }
                    try {
                        form.say("Making the preview …")
                        form.say(preview.show(Fields.read(Fields.SEGMENT, values)))
                    } catch (Problem problem) { preview.clear(); form.say(problem.message) }
                }
            })
        } finally {
            work.close()
            preview.clear()
        }
    }

    static Map compare(ImagePlus imp) {
        def form = new Form("Compare Scalings", Fields.ABOUT.compare, Fields.COMPARE, filled("compare", Fields.COMPARE, imp), channels(imp))
        def work = new Background()
        addSuggest(form, imp, Fields.COMPARE, work)
        try {
            return withNumber(imp, form.ask { shown ->
                form.say(voxels(imp) + "\nIt is segmented in five ways: as it is, and rescaled. That may take some minutes.")
            })
        } finally { work.close() }
    }

    /** A button that fills in the sigmas that fit the objects of the frame that is seen. */
    private static void addSuggest(Form form, ImagePlus imp, List<Field> fields, Background work) {
        form.addButton("Suggest", "Looks for the sigmas that fit the objects of the image, and fills them in") {
            form.say("Looking for sigmas …")
            work.ask {
                try {
                    def sigmas = Operations.suggest(imp, Fields.read(fields, withNumber(imp, form.values())))
                    def texts = ["spot", "outline", "unit"].collectEntries { [it, sigmas[it].toString()] }
                    form.fill(sigmas.spot == null ? [:] : texts, (String) sigmas.text)
                } catch (Problem problem) { form.fill([:], problem.message) }
            }
        }
    }

    /** Filled in with what the image has. */
    static Map setVoxelSize(ImagePlus imp) {
        def cal = imp.getCalibration()
        def values = [
            x: number(cal.pixelWidth), y: number(cal.pixelHeight), z: number(cal.pixelDepth),
            unit: cal.scaled() ? cal.getXUnit().replace("\u00b5m", "um").replace("micron", "um") : "um",
            t: number(cal.frameInterval), time: cal.getTimeUnit() == "sec" ? "s" : cal.getTimeUnit(),
        ]
        def form = new Form("Set Voxel Size", Fields.ABOUT.setVoxelSize, Fields.VOXEL_SIZE, values)
        form.enable("t", imp.getNFrames() > 1)
        form.enable("time", imp.getNFrames() > 1)
        return form.ask { shown ->
            form.say("0 keeps what the image has. Only the calibration of '${imp.getTitle()}' changes, not its pixels.")
        }
    }

    static Map environment(ImagePlus none) {
        new Form("IsoScale Environment", Fields.ABOUT.environment, Fields.ENVIRONMENT, [action: "show"]).ask { form -> }
    }

    private static Map filled(String command, List<Field> fields, ImagePlus imp) {
        def values = Fields.remembered(command, fields)
        values.channel = channelNames(imp)[imp.getChannel() - 1]
        if (!imp.getCalibration().scaled() && fields.any { "voxels" in it.choices }) values.unit = "voxels"
        return values
    }

    /** What sigmas are measured with. */
    private static String voxels(ImagePlus imp) {
        def cal = imp.getCalibration()
        if (!cal.scaled()) return "The image has no voxel size: sigmas are in voxels."
        def edges = [cal.pixelWidth, cal.pixelHeight] + (imp.getNSlices() > 1 ? [cal.pixelDepth] : [])
        return "A voxel is ${edges.collect { rounded(it) }.join(' x ')} ${cal.getXUnit().replaceFirst(/^microns?$/, "\u00b5m")}."
    }

    private static Map channels(ImagePlus imp) { [channel: channelNames(imp)] }

    /** Channels by number, and by name where they have one. */
    static List<String> channelNames(ImagePlus imp) {
        (1..imp.getNChannels()).collect { number ->
            def name = Pixels.channelName(imp, number)
            name ? "${number}: ${name}".toString() : number.toString()
        }
    }

    /** The channel as macros write it. */
    private static Map withNumber(ImagePlus imp, Map values) {
        values + [channel: (channelNames(imp).indexOf(values.channel) + 1).toString()]
    }

    /** Four digits of it. */
    private static String rounded(double value) {
        new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros().toPlainString()
    }

    private static String number(double value) { value > 0 && !Double.isInfinite(value) ? ij.IJ.d2s(value, 9).replaceAll(/\.?0+$/, "") : "0" }
}
