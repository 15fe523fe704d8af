package isoscale

import ij.Prefs

/** The options of each command. Their names are what macros use: they stay for ever. */
class Fields {
    private static final String AUTO = " Or auto: what Suggest would fill in."
    static final String SPOT = "About half the radius of an object. Too small splits objects, too large joins or loses them." + AUTO,
        OUTLINE = "How smooth outlines become; smaller follows every wiggle, larger closes holes." + AUTO,
        CHANNEL = "The channel in which the objects are; macros give its number or its name.",
        SIGMA_UNIT = "The unit of both sigmas. In the image's unit or um they mean the same in z as in x and y."
    static final Map<String, String> ABOUT = [
        rescale: "Makes voxels cubes. The result is a new image; its voxel size, unit and position are right.",
        segment: "Gives each roundish object a number, on the image as it is: it need not be isotropic. The result is a " +
            "label image and a table.",
        compare: "The same segmentation on the image as it is and on rescaled ones, with a table of how well they agree.",
        setVoxelSize: "Gives the image the voxel size that the microscope says. Its pixels are not changed. The command " +
            "is undone with Edit > Undo.",
        rescaleFiles: "Makes the voxels of images cubes, of one file or of all in a folder, without opening them. The results " +
            "are files in another folder.",
        labelFiles: "Gives each roundish object of an image a number, in one file or in all of a folder, without opening " +
            "them. Beside each label image there is a table of its objects.",
        environment: "Which Python works behind the commands, and whether it does.",
    ]

    private static final List<Field> PLACES = [
        new Field("input", "file", "", "File or folder", "An image file, or a folder of them. It can be dropped here."),
        new Field("output", "folder", "", "Folder for the results", "One that exists; nothing in it is overwritten."),
    ]
    static final List<Field> RESCALE = [
        new Field("target", "choice", "finest", "Voxel size", "Cubes like the finest axis (more slices), like the coarsest " +
            "(fewer pixels), like one axis, or of a size of your own.", ["finest", "coarsest", "x", "y", "z", "own"]),
        new Field("size", "number", "1", "Own size", "The edge of the new voxels; counts where the voxel size is 'own'."),
        new Field("unit", "choice", "image", "Unit of own size", "The unit of your own size; 'image' is the image's own unit.",
            ["image", "um", "nm", "mm"]),
        new Field("interpolation", "choice", "auto", "Interpolation", "How values between voxels are found. auto: linear, " +
            "and nearest for labels.", ["auto", "linear", "nearest", "cubic"]),
        new Field("antialias", "yes", "true", "Smooth before going to larger voxels", "Averages over what becomes one voxel; " +
            "without it, detail that is too fine turns into patterns that are not there."),
    ]
    static final List<Field> RESCALE_FILES = PLACES + RESCALE
    private static final List<Field> SIGMAS = [
        new Field("channel", "text", "1", "Channel", CHANNEL),
        new Field("spot", "sigma", "2", "Spot sigma", SPOT),
        new Field("outline", "sigma", "1", "Outline sigma", OUTLINE),
    ]
    private static final List<Field> OUTLINES = [
        new Field("threshold", "text", "otsu", "Threshold", "otsu finds what is brighter than the background, by one grey " +
            "value for the whole image. local: one for each object, so that dim ones beside bright ones keep their size. Or " +
            "a grey value: what is above it, after the outline blur, belongs to objects.", ["otsu", "local"]),
        new Field("borders", "choice", "distance", "Borders", "Where objects touch. distance: half way between them. light: " +
            "along the dark valleys between them.", ["distance", "light"]),
    ]
    static final List<Field> COMPARE = SIGMAS +
        [new Field("unit", "choice", "image unit", "Sigmas in", SIGMA_UNIT, ["image unit", "um"])] + OUTLINES
    private static final List<Field> LABELS = SIGMAS +
        [new Field("unit", "choice", "image unit", "Sigmas in", SIGMA_UNIT, ["image unit", "um", "voxels"])] + OUTLINES
    static final List<Field> LABEL_FILES = PLACES + LABELS
    static final List<Field> SEGMENT = LABELS + [
        new Field("rois", "yes", "false", "Add outlines to the ROI Manager", "An outline for each object and slice; without " +
            "a display they are the overlay of the labels."),
        new Field("results", "yes", "false", "Measurements in the Results table", "Into the table Results, which getResult " +
            "and nResults of macros see, instead of a table of their own."),
    ]
    static final List<Field> VOXEL_SIZE = [
        new Field("x", "number", "0", "Voxel width (x)", "The distance between pixels in a row. 0 keeps what the image has."),
        new Field("y", "number", "0", "Voxel height (y)", "The distance between rows. 0 keeps what the image has."),
        new Field("z", "number", "0", "Voxel depth (z)", "The distance between slices. 0 keeps what the image has."),
        new Field("unit", "text", "um", "Unit", "Of width, height and depth: um, nm, mm, …"),
        new Field("t", "number", "0", "Time step", "The time between frames. 0 keeps what the image has."),
        new Field("time", "text", "s", "Unit of time", "Of the time step: s, ms, min, …"),
    ]
    static final List<Field> ENVIRONMENT = [
        new Field("action", "choice", "show", "Do", "show: which Python is used, and its versions. test: also a test run. " +
            "repair: start Python anew.", ["show", "test", "repair"]),
    ]

    /** The values of all options: what was given, else the usual. */
    static Map read(List<Field> fields, Map given) {
        fields.collectEntries { [it.key, it.read(given[it.key] == null ? it.usual : given[it.key])] }
    }

    /** Options as a macro writes them, by name; a name without a value is a box that is ticked. */
    static Map<String, String> written(String options) {
        Map<String, String> values = [:]
        def matcher = (options ?: "") =~ /([^\s=]+)(?:=(?:\[((?:[^\[\]]|\[[^\]]*\])*)\]|'([^']*)'|(\S*)))?/
        while (matcher.find()) values[matcher.group(1)] = [2, 3, 4].findResult("") { matcher.group(it) }
        return values
    }

    /** An option that a command does not have is a slip of somebody's pen. */
    static void refuseOthers(String title, Collection<String> known, Collection<String> names) {
        def others = names - known
        if (others) throw new Problem("${title} has no option ${others.join(', ')}; it has: ${known.join(', ')}.")
    }

    /** What the dialog was left with the last time; what macros give never gets here. */
    static Map<String, String> remembered(String command, List<Field> fields) {
        fields.collectEntries { field ->
            def text = Prefs.get("isoscale.${command}.${field.key}".toString(), field.usual)
            if (text) try { field.read(text) } catch (Problem outdated) { text = field.usual }
            [field.key, text]
        }
    }

    /** Keep what worked; what belongs to an open image, its channel or its voxel size, is asked anew. */
    static void remember(String command, Map<String, Object> values) {
        if (command in ["setVoxelSize", "environment"]) return
        values.findAll { it.key != "channel" || command == "labelFiles" }.each { key, value ->
            String text = value instanceof Number ? value.toString().replaceAll(/\.0$/, "") : value.toString()
            Prefs.set("isoscale.${command}.${key}".toString(), text)
        }
    }
}
