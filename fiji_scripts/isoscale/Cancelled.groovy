package isoscale

/** Somebody pressed Esc, or closed the dialog with Cancel: nothing is said, nothing is left behind. */
class Cancelled extends RuntimeException {
    Cancelled() { super("cancelled") }
}
