package isoscale

import ij.CompositeImage
import ij.ImagePlus
import ij.ImageStack
import ij.process.LUT
import ij.WindowManager
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Images of ImageJ as plain values and shared memory, and back; a plane at a time. */
class Pixels {
    static final long LARGEST_BUFFER = Integer.MAX_VALUE

    /** What an image says of itself, in the words of the Python package's Hyperstack, without its pixels. */
    static Map describe(ImagePlus imp) {
        def cal = imp.getCalibration()
        def (width, height, channels, slices, frames) = imp.getDimensions() as List
        boolean rgb = imp.getBitDepth() == 24
        if (rgb && channels > 1) {
            if (slices > 1) throw new Problem("RGB images with several channels cannot be used; split them first " +
                "(Image > Color > Split Channels).")
            (channels, slices) = [1, channels]
        }
        for (size in [cal.pixelWidth, cal.pixelHeight, cal.pixelDepth])
            if (!(size > 0) || Double.isInfinite(size)) throw new Problem("The image has a voxel size of ${size}; set " +
                "it with Plugins > IsoScale > Set Voxel Size.")
        def layout = [
            width: width, height: height, channels: channels, slices: slices, frames: frames, rgb: rgb,
            dtype: [8: "uint8", 16: "uint16", 24: "uint8", 32: "float32"][imp.getBitDepth()],
            sizes: [x: cal.pixelWidth, y: cal.pixelHeight, z: cal.pixelDepth],
            units: [x: cal.getXUnit(), y: cal.getYUnit(), z: cal.getZUnit(), t: cal.getTimeUnit()],
            origins: [x: cal.xOrigin, y: cal.yOrigin, z: cal.zOrigin],
            title: imp.getTitle(), about: [:], properties: properties(imp),
        ]
        if (cal.frameInterval) layout.sizes.t = cal.frameInterval
        if (cal.isSigned16Bit()) layout.about.description = [cf: "0", c0: "-32768.0", c1: "1.0"]
        // Labels of the first frame: they name the channels, if they name anything.
        def labels = (1..channels * slices).collect { imp.getStack().getSliceLabel(it) }
        if (labels.every { it }) layout.about.slice_labels = labels
        return layout
    }

    /** The image properties, but for the one that is about looks. */
    static Map properties(ImagePlus imp) {
        (imp.getPropertiesAsArray() ?: [] as String[]).collate(2).collectEntries().findAll { it.key != "isoscale.looks" }
    }

    /** Planes `from` up to `to` of one frame, in the order of the stack, into a new block of shared memory. */
    static Object share(ImagePlus imp, int frame, int from, int to) {
        int count = to - from, all = imp.getNChannels() * imp.getNSlices()
        def stack = imp.getStack()
        def first = stack.getPixels(1)
        String type = first instanceof byte[] ? "UINT8" : first instanceof short[] ? "UINT16" :
            first instanceof int[] ? "INT32" : "FLOAT32"
        def block = allocate(type, count, imp.getHeight(), imp.getWidth())
        try {
            (0..<count).each { index ->
                int number = (frame - 1) * all + from + index + 1
                def pixels = stack.isVirtual() ? stack.getProcessor(number).getPixels() : stack.getPixels(number)
                def target = plane(block, index)
                if (pixels instanceof byte[]) target.put((byte[]) pixels)
                else if (pixels instanceof short[]) target.asShortBuffer().put((short[]) pixels)
                else if (pixels instanceof int[]) target.asIntBuffer().put((int[]) pixels)
                else target.asFloatBuffer().put((float[]) pixels)
            }
        } catch (Throwable problem) {
            block.close()
            throw problem
        }
        return block
    }

    /** A new block of shared memory, which is gone when it is closed. */
    static Object allocate(String type, int count, int height, int width) {
        def NDArray = Worker.appose("NDArray")
        def DType = Worker.appose('NDArray$DType'), Shape = Worker.appose('NDArray$Shape')
        def order = Worker.appose('NDArray$Shape$Order').valueOf("C_ORDER")
        try {
            def memory = Worker.appose("SharedMemory").getMethod("create", String, long)
                .invoke(null, blockName(), size(type) * count * height * width)
            return NDArray.newInstance(DType.valueOf(type), Shape.newInstance(order, [count, height, width] as int[]), memory)
        } catch (Throwable problem) {
            throw new Problem("There is not enough shared memory for ${size(type) * (long) count * height * width} " +
                "bytes. Close other images, or choose a larger voxel size.", problem)
        }
    }

    /** Planes of one frame out of shared memory, as ImageJ's arrays; `type` as in numpy. */
    static void unshare(Object block, String type, int count, ImageStack stack, List labels) {
        int length = stack.getWidth() * stack.getHeight()
        (0..<count).each { index ->
            def source = plane(block, index, size(type) * length)
            def pixels
            if (type == "uint8") { pixels = new byte[length]; source.get((byte[]) pixels) }
            else if (type == "uint16") { pixels = new short[length]; source.asShortBuffer().get((short[]) pixels) }
            else if (type == "int32") { pixels = new int[length]; source.asIntBuffer().get((int[]) pixels) }
            else { pixels = new float[length]; source.asFloatBuffer().get((float[]) pixels) }
            stack.addSlice(labels ? (String) labels[index % labels.size()] : null, pixels)
        }
    }

    /** The result of an operation on `imp`: calibrated as `layout` has it, time as it was. */
    static ImagePlus result(ImagePlus imp, ImageStack stack, Map layout, String title) {
        def made = new ImagePlus(title, stack)
        made.setDimensions((int) layout.channels, (int) layout.slices, imp.getNFrames())
        made.setOpenAsHyperStack([layout.channels, layout.slices, imp.getNFrames()].count { it > 1 } > 1)
        calibrate(made, imp, layout)
        if (layout.channels > 1 && imp.isComposite()) made = new CompositeImage(made, ((CompositeImage) imp).getMode())
        if (imp.getInfoProperty()) made.setProperty("Info", imp.getInfoProperty())
        made.setProperties(layout.properties.collectMany { key, value -> [key, value] } as String[])
        return made
    }

    /** Give `made` the sizes, units and origins that `layout` has; the time step and the value function are those of `imp`. */
    static void calibrate(ImagePlus made, ImagePlus imp, Map layout) {
        def cal = imp.getCalibration().copy()
        if (layout.sizes.x != null) cal.pixelWidth = layout.sizes.x as double
        if (layout.sizes.y != null) cal.pixelHeight = layout.sizes.y as double
        if (layout.sizes.z != null) cal.pixelDepth = layout.sizes.z as double
        if (layout.sizes.t != null) cal.frameInterval = layout.sizes.t as double
        cal.xOrigin = (layout.origins.x ?: 0) as double
        cal.yOrigin = (layout.origins.y ?: 0) as double
        cal.zOrigin = (layout.origins.z ?: 0) as double
        if (layout.units.x) {
            cal.setUnit((String) layout.units.x)
            cal.setYUnit(layout.units.y == layout.units.x ? null : (String) layout.units.y) // null: as x
            cal.setZUnit(layout.units.z == layout.units.x ? null : (String) layout.units.z)
        }
        if (layout.units.t) cal.setTimeUnit((String) layout.units.t)
        made.setCalibration(cal)
        ["isoscale.calibrated", "isoscale.t_lower"].each { made.setProp(it, (String) layout.properties[it]) }
    }

    /** The looks of `imp` on an image of the same channels. */
    static void copyLooks(ImagePlus imp, ImagePlus made) {
        if (imp.getBitDepth() == 24) return
        if (made instanceof CompositeImage && imp instanceof CompositeImage) {
            made.copyLuts(imp)
        } else {
            made.setLut((LUT) imp.getLuts()[0].clone())
            made.setDisplayRange(imp.getDisplayRangeMin(), imp.getDisplayRangeMax())
        }
    }

    /** The looks of labels: each its own colour (3 x 256 bytes), by its number. */
    static void showAsLabels(ImagePlus made, List table, double highest) {
        def rows = table.collect { row -> row.collect { ((Number) it).byteValue() } as byte[] }
        made.setLut(new LUT((byte[]) rows[0], (byte[]) rows[1], (byte[]) rows[2]))
        made.setDisplayRange(0, Math.max(255d, highest))
    }

    /** The title of what came of an image, as ImageJ makes it (cells-rescaled.tif); one that no open image has. */
    static String title(ImagePlus imp, String suffix) {
        def (name, ending) = [imp.getTitle(), ""]
        int dot = name.lastIndexOf(".")
        if (dot > 0 && name.length() - dot <= 5) (name, ending) = [name.substring(0, dot), name.substring(dot)]
        String wanted = name ? name + "-" + suffix : suffix
        int number = 0
        def free = { String title -> WindowManager.getImage(title) == null }
        while (number < 1000 && !free(number ? "${wanted}-${number}${ending}" : wanted + ending)) number++
        return number ? "${wanted}-${number}${ending}".toString() : wanted + ending
    }

    /** The name of a channel, which is the label of its planes where all of them have the same. */
    static String channelName(ImagePlus imp, int channel) {
        if (imp.getNChannels() == 1 || imp.getBitDepth() == 24) return null
        def labels = (1..imp.getNSlices()).collect { imp.getStack().getSliceLabel(imp.getStackIndex(channel, it, 1)) }
        labels = labels.collect { it?.readLines()?.find { line -> true } }
        return labels[0] && labels.every { it == labels[0] } ? labels[0] : null
    }

    private static ByteBuffer plane(Object block, int index) {
        def shape = block.shape().toIntArray()
        plane(block, index, size(block.dType().toString()) * shape[1] * shape[2])
    }

    /** The memory of one plane of `bytes` bytes. */
    private static ByteBuffer plane(Object block, int index, long bytes) {
        long total = block.shm().size()
        ByteBuffer buffer
        if (total <= LARGEST_BUFFER) {
            buffer = block.buffer().duplicate()
            buffer.position((int) (index * bytes))
            buffer.limit((int) (index * bytes + bytes))
            buffer = buffer.slice()
        } else { // Appose gives no buffer over 2 GiB; the memory itself has no such limit
            buffer = block.shm().info.pointer.getByteBuffer(index * bytes, bytes)
        }
        return buffer.order(ByteOrder.nativeOrder())
    }

    /** Names this Fiji, so that the Python process can remove its blocks when Fiji was killed. */
    private static String blockName() {
        def process = java.lang.management.ManagementFactory.getRuntimeMXBean().getName().split("@")[0]
        return "iso-" + process + "-" + UUID.randomUUID().toString().take(8)
    }

    private static long size(String type) {
        switch (type.toLowerCase()) {
            case "uint8": return 1
            case "uint16": return 2
            default: return 4
        }
    }
}
