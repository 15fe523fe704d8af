package isoscale

import ij.IJ
import ij.ImagePlus
import ij.ImageStack
import ij.Undo
import ij.gui.Overlay
import ij.gui.Roi
import ij.measure.ResultsTable
import ij.plugin.filter.ThresholdToSelection
import ij.plugin.frame.RoiManager
import ij.process.ImageProcessor

/** What the commands do, between the image that is meant and the Python process. */
class Operations {
    /** A calibrated image with voxels of another size. */
    static Map rescale(ImagePlus imp, Map options, Caller caller) {
        locked(imp) {
            def image = Pixels.describe(imp)
            def plan = Worker.call("plan_rescale", [image: image, options: options])
            long free = IJ.maxMemory() - IJ.currentMemory()
            if (plan.java_bytes > free) {
                System.gc()
                free = IJ.maxMemory() - IJ.currentMemory()
                if (plan.java_bytes > free) throw new Problem("The rescaled image would need ${mega(plan.java_bytes)} MB, and " +
                    "ImageJ has ${mega(free)} MB free. Choose a larger voxel size, or give ImageJ more memory in " +
                    "Edit > Options > Memory & Threads.")
            }
            def stack = new ImageStack((int) plan.width, (int) plan.height)
            int channels = (int) plan.channels
            def labels = (List) plan.image.about?.slice_labels
            (1..imp.getNFrames()).each { frame ->
                plan.slabs.each { slab -> // a part of the slices at a time: large images are never shared as a whole
                    def (first, last, begin, end) = slab*.intValue()
                    int count = channels * (end - begin)
                    withBlocks(imp, frame, first * channels, last * channels, (String) plan.block, count, (int) plan.height,
                            (int) plan.width) { source, target ->
                        Worker.call("rescale", [image: image, options: options, slab: slab], source, target)
                        Pixels.unshare(target, (String) plan.type, count, stack, labels?.take(channels))
                    }
                }
            }
            def made = Pixels.result(imp, stack, (Map) plan.image, Pixels.title(imp, "rescaled"))
            Pixels.copyLooks(imp, made)
            Drawings.copy(imp, made, (Map) plan.factors)
            caller.show(made)
            String ignored = imp.getRoi() != null ? " The selection was ignored." : ""
            return [result: made, done: "Rescaled to ${plan.width} x ${plan.height} x ${plan.slices} voxels.${ignored}".toString()]
        }
    }

    /** Sigmas that fit the objects of the frame that is seen: spot, outline and their unit, or none; and a text. */
    static Map suggest(ImagePlus imp, Map options) {
        grey(imp)
        int planes = imp.getNSlices() * imp.getNChannels()
        def source = Pixels.share(imp, imp.getFrame(), 0, planes)
        try { return Worker.call("suggest", [image: Pixels.describe(imp), options: options], source) } finally { source.close() }
    }

    /** The options with sigmas in place of auto: the same for all frames. */
    private static Map withSigmas(ImagePlus imp, Map options) {
        if (options.spot != "auto") return options + (options.outline == "auto" ? [outline: options.spot / 2] : [:])
        def sigmas = suggest(imp, options)
        if (sigmas.spot == null) throw new Problem("${sigmas.text} Give the sigmas yourself.")
        return options + [spot: sigmas.spot, outline: options.outline == "auto" ? sigmas.outline : options.outline, unit: sigmas.unit]
    }

    /** Labels of the objects, and a table with a row for each. */
    static Map segment(ImagePlus imp, Map options, Caller caller) {
        locked(imp) {
            options = withSigmas(imp, options)
            def image = Pixels.describe(imp)
            def parts = (1..imp.getNFrames()).collect { frame -> segmentFrame(imp, image, options, frame) }
            def replies = parts*.reply
            def stack = new ImageStack(imp.getWidth(), imp.getHeight())
            boolean large = replies.any { it.type == "float32" }
            parts.each { part -> (1..imp.getNSlices()).each { index ->
                def processor = part.part.getProcessor(index)
                stack.addSlice(large ? processor.convertToFloat() : processor)
            } }
            def labels = Pixels.result(imp, stack, (Map) replies[0].image, Pixels.title(imp, "labels"))
            labels.getCalibration().disableDensityCalibration() // labels are numbers, not grey values
            int highest = (int) replies*.count.max(), count = (int) replies*.count.sum()
            Pixels.showAsLabels(labels, (List) replies[0].lut, highest)
            def table = tableOf(replies)
            caller.show(labels)
            labels.setPosition(1, (int) replies[0].slice, 1)
            if (options.results) show(table, "Results")
            else show(table, "Measurements of " + imp.getTitle())
            if (options.rois) addRois(labels, highest)
            String ignored = imp.getRoi() != null ? " The selection was ignored." : ""
            return [labels: labels, table: table, count: count, done: "${count} objects.${ignored}".toString()]
        }
    }

    /** The labels of one frame, as a stack, and what Python says of them. */
    static Map segmentFrame(ImagePlus imp, Map image, Map options, int frame) {
        grey(imp)
        int count = imp.getNSlices()
        withBlocks(imp, frame, 0, count * imp.getNChannels(), "FLOAT32", count, imp.getHeight(), imp.getWidth()) { source, target ->
            def reply = Worker.call("segment", [image: image, options: options, frame: frame], source, target)
            def part = new ImageStack(imp.getWidth(), imp.getHeight())
            Pixels.unshare(target, (String) reply.type, count, part, null)
            return [reply: reply, part: part]
        }
    }

    /** The same segmentation on several grids: a table, and the label images. */
    static Map compare(ImagePlus imp, Map options, Caller caller) {
        def folder = File.createTempDir("isoscale", "")
        try {
            locked(imp) {
                grey(imp)
                if (imp.getNFrames() > 1) throw new Problem("The image has ${imp.getNFrames()} time points; scalings are " +
                    "compared on one. Take one with Image > Duplicate…")
                options = withSigmas(imp, options)
                def source = Pixels.share(imp, 1, 0, imp.getNChannels() * imp.getNSlices())
                def reply
                try {
                    reply = Worker.call("compare", [image: Pixels.describe(imp), options: options, folder: folder.path], source)
                } finally { source.close() }
                def table = tableOf([reply])
                def labels = [reply.files, reply.slices].transpose().collect { name, slice ->
                    def opened = IJ.openImage(new File(folder, (String) name).path)
                    opened.setTitle(Pixels.title(imp, "labels " + name.replaceAll(/\.tif$/, "")))
                    Pixels.showAsLabels(opened, (List) reply.lut, opened.getStatistics().max)
                    caller.show(opened)
                    opened.setSlice((int) slice)
                    return opened
                }
                show(table, "Scalings of " + imp.getTitle())
                return [labels: labels, table: table, done: "Compared ${labels.size()} scalings.".toString()]
            }
        } finally { folder.deleteDir() }
    }

    /** The same pixels with another calibration; the image itself is changed. */
    static Map setVoxelSize(ImagePlus imp, Map options, Caller caller) {
        def cal = imp.getCalibration()
        def image = [
            width: imp.getWidth(), height: imp.getHeight(), channels: 1, slices: imp.getNSlices(), frames: imp.getNFrames(),
            dtype: "uint8", sizes: [x: cal.pixelWidth, y: cal.pixelHeight, z: cal.pixelDepth, t: cal.frameInterval],
            units: [x: cal.getXUnit(), y: cal.getYUnit(), z: cal.getZUnit(), t: cal.getTimeUnit()],
            origins: [x: cal.xOrigin, y: cal.yOrigin, z: cal.zOrigin], properties: Pixels.properties(imp),
        ]
        ["x", "y", "z", "t"].each { if (!(image.sizes[it] > 0)) image.sizes.remove(it) } // what is wrong is being mended
        def calibrated = Worker.call("set_voxel_size", [image: image, options: options]).image
        Undo.setup(Undo.TYPE_CONVERSION, imp) // which brings back a calibration; of pixels nothing is copied
        Pixels.calibrate(imp, imp, (Map) calibrated)
        imp.changes = true
        if (imp.getWindow() != null) imp.repaintWindow()
        return [done: "The voxel size of ${imp.getTitle()} is set.".toString()]
    }

    static Map rescaleFiles(ImagePlus none, Map options, Caller caller) { files("rescale_files", options) }

    static Map labelFiles(ImagePlus none, Map options, Caller caller) { files("label_files", options) }

    /** A file, or the images of a folder, into another folder; gives the names of what was written. */
    private static Map files(String operation, Map options) {
        def written = Worker.call(operation, [input: options.input, output: options.output, options: options]).written
        return [written: written, done: "Wrote ${written.size()} files into ${new File((String) options.output).name}.".toString()]
    }

    /** What Python is used, and whether it works. */
    static Map environment(ImagePlus none, Map options, Caller caller) {
        String action = options.action
        if (action == "repair") {
            Worker.stop()
            System.getProperties().remove("isoscale.built")
        }
        def settings = Worker.settings()
        def reply = Worker.call("environment", [test: action != "show"])
        def appose = Worker.appose("Appose").getPackage()?.getImplementationVersion() ?: "without a version"
        def lines = ["IsoScale ${settings.version}, ImageJ ${IJ.getVersion()}, Java ${System.getProperty('java.version')}, " +
            "Appose ${appose}"]
        reply.found.each { key, value -> lines << "${key}: ${value}".toString() }
        String report = lines.join("\n")
        if (!Caller.headless()) new ij.text.TextWindow("IsoScale Environment", report, 640, 420)
        return [report: report, done: "IsoScale ${settings.version} works.".toString()]
    }

    /** A table in a window, and as ImageJ's results where it is called so. */
    private static void show(ResultsTable table, String title) {
        if (!Caller.headless()) table.show(title)
        else if (title == "Results") ij.plugin.filter.Analyzer.setResultsTable(table)
    }

    private static void grey(ImagePlus imp) {
        if (imp.getBitDepth() == 24) throw new Problem("The image is RGB; labels need grey values. Convert it with " +
            "Image > Type, or split it with Image > Color > Split Channels.")
    }

    /** Share planes `from` up to `to` of a frame, and a block of `count` planes for what comes of them. */
    private static Object withBlocks(ImagePlus imp, int frame, int from, int to, String type, int count, int height, int width,
            Closure work) {
        def source = Pixels.share(imp, frame, from, to)
        try {
            def target = Pixels.allocate(type, count, height, width)
            try { return work(source, target) } finally { target.close() }
        } finally { source.close() }
    }

    /** Nobody changes or closes the image meanwhile. */
    private static Object locked(ImagePlus imp, Closure work) {
        boolean mine = imp.lockSilently()
        if (!mine) throw new Problem("The image '${imp.getTitle()}' is being worked on by another command. Wait for it to end.")
        try { return work() } finally { imp.unlock() }
    }

    private static ResultsTable tableOf(List replies) {
        def table = new ResultsTable()
        table.setPrecision(4)
        replies.eachWithIndex { reply, frame ->
            int first = table.size()
            reply.table.each { name, values ->
                values.eachWithIndex { value, row ->
                    if (value instanceof Number) table.setValue((String) name, first + row, ((Number) value).doubleValue())
                    else if (value == null) table.setValue((String) name, first + row, Double.NaN)
                    else table.setValue((String) name, first + row, value.toString())
                }
            }
        }
        return table
    }

    /** An outline for each label in each slice, named by both; without a display, where there is no ROI Manager, as overlay. */
    private static void addRois(ImagePlus labels, int highest) {
        def overlay = new Overlay()
        (1..labels.getStackSize()).each { index ->
            def processor = labels.getStack().getProcessor(index)
            boxes(processor, highest).each { label, box ->
                processor.setRoi(new Roi(box[0], box[1], box[2] - box[0] + 1, box[3] - box[1] + 1))
                def cut = processor.crop()
                cut.setThreshold(label, label, ImageProcessor.NO_LUT_UPDATE)
                def outline = new ThresholdToSelection().convert(cut)
                outline.setLocation(outline.getXBase() + box[0], outline.getYBase() + box[1])
                outline.setName(String.format("label %04d slice %04d", label, index))
                outline.setPosition(index)
                overlay.add(outline)
            }
        }
        if (Caller.headless()) {
            labels.setOverlay(overlay)
            return
        }
        def manager = RoiManager.getInstance2() ?: new RoiManager()
        overlay.toArray().each { manager.addRoi(it) }
    }

    /** The bounding box of each label of a slice. */
    @groovy.transform.CompileStatic
    private static Map<Integer, int[]> boxes(ImageProcessor processor, int highest) {
        Map<Integer, int[]> boxes = new TreeMap<>()
        int width = processor.getWidth()
        for (int y = 0; y < processor.getHeight(); y++) {
            for (int x = 0; x < width; x++) {
                int label = (int) processor.getf(x, y)
                if (label == 0) continue
                int[] box = boxes.get(label)
                if (box == null) {
                    boxes.put(label, [x, y, x, y] as int[])
                } else {
                    if (x < box[0]) box[0] = x
                    if (x > box[2]) box[2] = x
                    box[3] = y
                }
            }
        }
        return boxes
    }

    private static long mega(Object bytes) { ((Number) bytes).longValue().intdiv(1000000L) }
}
