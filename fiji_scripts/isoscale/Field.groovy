package isoscale

/** One option of a command: its name in macros, what its dialog says of it, and what is allowed. */
class Field {
    final String key, label, help
    /** choice, number, sigma (a number or auto), yes, file (or a folder), folder, text (whatever it is; choices are proposals) */
    final String kind
    final String usual
    final List<String> choices

    Field(String key, String kind, String usual, String label, String help, List<String> choices = []) {
        this.key = key; this.kind = kind; this.usual = usual; this.label = label; this.help = help; this.choices = choices
    }

    /** What was given, as a value; anything else is a Problem that names the option. */
    Object read(Object given) {
        String text = given.toString().trim()
        switch (kind) {
            case "choice":
                if (text in choices) return text
                throw new Problem("Got ${key}=${text}; needed is one of: ${choices.join(', ')}.")
            case "yes":
                if (text.toLowerCase() in ["", "true", "1", "yes"]) return true
                if (text.toLowerCase() in ["false", "0", "no"]) return false
                throw new Problem("Got ${key}=${text}; needed is true or false.")
            case "number":
            case "sigma":
                if (kind == "sigma" && text == "auto") return text
                double value = Double.NaN
                try { value = Double.parseDouble(text.replace(",", ".")) } catch (NumberFormatException notOne) { }
                if (Double.isNaN(value) || Double.isInfinite(value) || value < 0)
                    throw new Problem("Got ${text ? text : 'nothing'} for ${label.uncapitalize()} (${key}); needed is " +
                        "a number that is not negative${kind == 'sigma' ? ', or auto' : ''}.")
                return value
            case "file":
            case "folder":
                if (text) return text
                throw new Problem("Got no ${label.uncapitalize()}; needed is the path of one (${key}).")
            default: return text
        }
    }
}
