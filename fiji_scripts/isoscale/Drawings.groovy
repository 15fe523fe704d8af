package isoscale

import ij.ImagePlus
import ij.gui.ImageRoi
import ij.gui.OvalRoi
import ij.gui.Overlay
import ij.gui.PointRoi
import ij.gui.Roi
import ij.gui.TextRoi
import ij.plugin.RoiScaler

/** A selection and an overlay on another grid, each outline on the slice it is on then; as the Python package does it. */
class Drawings {
    private final ImagePlus from, to
    private final double x, y, z

    private Drawings(ImagePlus from, ImagePlus to, Map factors) {
        this.from = from
        this.to = to
        (x, y, z) = ["x", "y", "z"].collect { ((factors[it] ?: 1) as Number).doubleValue() }
    }

    /** What is drawn on an image, scaled onto another one of the same place; pictures, which lie on pixels, are left out. */
    static void copy(ImagePlus from, ImagePlus to, Map factors) {
        def drawings = new Drawings(from, to, factors)
        Roi selection = drawings.scaled(from.getRoi())
        if (selection != null) to.setRoi(selection)
        Overlay drawn = from.getOverlay()
        if (drawn == null) return
        Overlay overlay = drawn.create() // with its settings
        drawn.toArray().each { Roi roi -> drawings.scaled(roi)?.with { overlay.add(it) } }
        if (overlay.size() > 0) to.setOverlay(overlay)
    }

    private Roi scaled(Roi roi) {
        if (roi == null || roi instanceof ImageRoi) return null
        Roi outline
        if (roi instanceof PointRoi) {
            outline = points(roi)
        } else if (roi instanceof TextRoi) {
            outline = (Roi) roi.clone()
            outline.setLocation((double) (roi.getXBase() * x), (double) (roi.getYBase() * y))
        } else if (roi.getClass() == Roi || roi.getClass() == OvalRoi) {
            def box = [roi.getXBase() * x, roi.getYBase() * y, roi.getFloatWidth() * x, roi.getFloatHeight() * y]*.doubleValue()
            outline = roi instanceof OvalRoi ? new OvalRoi(box[0], box[1], box[2], box[3]) : new Roi(box[0], box[1], box[2], box[3])
            if (roi.getCornerDiameter() > 0) outline.setCornerDiameter((int) Math.round(roi.getCornerDiameter() * Math.min(x, y)))
        } else {
            outline = RoiScaler.scale(roi, x, y, false)
        }
        outline.copyAttributes(roi)
        outline.setName(roi.getName())
        if (roi.hasHyperStackPosition()) outline.setPosition(roi.getCPosition(), slice(roi.getZPosition()), roi.getTPosition())
        else outline.setPosition(plane(roi.getPosition()))
        return outline
    }

    private PointRoi points(PointRoi roi) {
        def polygon = roi.getFloatPolygon()
        int count = polygon.npoints
        def at = [[polygon.xpoints, x], [polygon.ypoints, y]].collect { List pair ->
            (0..<count).collect { (float) (((float[]) pair[0])[it] * (double) pair[1]) } as float[]
        }
        def outline = new PointRoi((float[]) at[0], (float[]) at[1], count)
        outline.setPointType(roi.getPointType())
        outline.setSize(roi.getSize())
        outline.setShowLabels(roi.getShowLabels())
        int[] counters = roi.getCounters() // a counter in the lower eight bits, the slice of the point above them
        if (counters != null) outline.setCounters((0..<count).collect { (plane(counters[it] >> 8) << 8) | (counters[it] & 255) } as int[])
        return outline
    }

    /** The slice where the middle of another one is; they count from 1, and 0 is all of them. */
    private int slice(int number) {
        return number > 0 ? Math.max(1, Math.min(to.getNSlices(), (int) Math.floor((number - 0.5d) * z) + 1)) : number
    }

    /** The same for a number that counts channels, slices and time points through. */
    private int plane(int number) {
        if (number <= 0 || number > from.getStackSize()) return number
        int[] place = from.convertIndexToPosition(number)
        return to.getStackIndex(place[0], slice(place[1]), place[2])
    }
}
