package isoscale

import ij.ImagePlus
import ij.WindowManager

/** Which image is meant. Where that cannot be known it is an error, never another image. */
class ActiveImage {
    /** The image that the input `imp` names, an image or the title of one; without it, the active image of the caller. */
    static ImagePlus of(Object given, Caller caller, Object convertService) {
        def imp = given == null ? caller.activeImage() : named(given, convertService)
        if (imp == null) throw new Problem("No image is open. Open one, for example with File > Open…")
        if (imp.getWidth() == 0 || imp.getProcessor() == null)
            throw new Problem("The image '${imp.getTitle()}' has no pixels: it is closed or empty.")
        return imp
    }

    private static ImagePlus named(Object given, Object convertService) {
        if (given instanceof ImagePlus) return given
        if (given instanceof CharSequence) {
            def open = (WindowManager.getIDList() ?: [] as int[]).collect { WindowManager.getImage(it) }.findAll { it }
            def found = open.find { it.getTitle() == given.toString() } ?: open.find { it.getID().toString() == given.toString() }
            if (found != null) return found
            throw new Problem("No open image has the title '${given}'. " +
                (open ? "Open are: ${open*.getTitle().join(', ')}." : "No image is open."))
        }
        def converted = (ImagePlus) convertService?.convert(given, ImagePlus)
        if (converted == null) throw new Problem("Got a ${given.getClass().getSimpleName()} for the image; needed is an " +
            "image, or the title of an open one.")
        return converted
    }
}
