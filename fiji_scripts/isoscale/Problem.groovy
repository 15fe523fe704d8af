package isoscale

/** What is told to the user in one sentence: what was got, what is needed, how to mend it. */
class Problem extends RuntimeException {
    Problem(CharSequence sentence, Throwable cause = null) { super(sentence.toString(), cause) }
}
