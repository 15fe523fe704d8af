package isoscale

import ij.ImagePlus
import ij.ImageStack
import ij.gui.ImageRoi
import ij.gui.Overlay
import ij.process.LUT

/** Labels over the image that they are of, while somebody chooses how to make them. */
class LabelPreview {
    static final long LARGEST = 64000000L // voxels; more would take too long to try things out
    private final ImagePlus imp
    private final Overlay before
    private boolean shown

    LabelPreview(ImagePlus imp) {
        this.imp = imp
        before = imp.getOverlay()
    }

    /** Segment the frame that is seen, lay its labels over it; gives a sentence. */
    String show(Map options) {
        if ((long) imp.getWidth() * imp.getHeight() * imp.getNSlices() > LARGEST)
            throw new Problem("The image is too large for a preview; cut out a part with Image > Duplicate…")
        options.channel = Math.max(1, Math.min(imp.getNChannels(), options.channel as int))
        def made = Operations.segmentFrame(imp, Pixels.describe(imp), options, imp.getFrame())
        def rows = made.reply.lut.collect { row -> row.collect { ((Number) it).byteValue() } as byte[] }
        def lut = new LUT((byte[]) rows[0], (byte[]) rows[1], (byte[]) rows[2])
        def overlay = new Overlay()
        (1..imp.getNSlices()).each { slice ->
            def labels = made.part.getProcessor(slice)
            labels.setMinAndMax(0, Math.max(255, (int) made.reply.count))
            def seen = labels.convertToByteProcessor(true)
            seen.setLut(lut)
            def roi = new ImageRoi(0, 0, seen)
            roi.setZeroTransparent(true)
            roi.setOpacity(0.5d)
            if (imp.isHyperStack()) roi.setPosition(0, slice, imp.getFrame()) else roi.setPosition(slice)
            overlay.add(roi)
        }
        imp.setOverlay(overlay)
        shown = true
        return "${made.reply.count} objects"
    }

    void clear() {
        if (shown) imp.setOverlay(before)
        shown = false
    }
}
