package isoscale

import ij.IJ
import ij.WindowManager
import ij.gui.GUI
import java.awt.BorderLayout
import java.awt.EventQueue
import java.awt.FlowLayout
import java.awt.GridBagConstraints
import java.awt.GridBagLayout
import java.awt.Insets
import java.awt.event.KeyEvent
import java.awt.event.WindowAdapter
import javax.swing.*
import javax.swing.event.DocumentListener

/**
 * The dialog of a command. SciJava's own cannot react while somebody types, and cannot be filled in from the image.
 *
 * It is built and changed on the thread of windows; `ask` is called from the thread of the command.
 */
class Form {
    private static final int GAP = 8 // pixels between an image and its dialog
    final String title, about
    private final List<Field> fields
    private final Map<String, JComponent> widgets = [:]
    private final Map<String, JLabel> labels = [:]
    private final JTextArea note = new JTextArea(3, 34)
    private final List<JButton> buttons = []
    private JDialog dialog
    private boolean accepted, filling
    private String remark = "" // of what a button filled in; it stands until somebody changes something
    private Closure changed = { form -> }

    Form(String title, String about, List<Field> fields, Map<String, String> values, Map<String, List<String>> choices = [:]) {
        this.title = title
        this.about = about
        this.fields = fields
        fields.each { field -> widgets[field.key] = widget(field, values[field.key], choices[field.key] ?: field.choices) }
    }

    /** Show it, and wait; gives what was filled in, as text. `changed` is called at first and after every change. */
    Map<String, String> ask(Closure changed) {
        this.changed = changed
        onWindows { build(); changed(this); dialog.pack(); place(); dialog.setVisible(true) }
        if (!accepted) throw new Cancelled()
        return values()
    }

    /** What is filled in now. */
    Map<String, String> values() {
        fields.collectEntries { field ->
            def widget = widgets[field.key]
            def value = widget instanceof JCheckBox ? widget.isSelected() :
                writing(widget) != null ? writing(widget).getText() : ((JComboBox) widget).getSelectedItem()
            [field.key, value.toString()]
        }
    }

    /** Options that do not count now are grey. */
    void enable(String key, boolean counts) {
        widgets[key].setEnabled(counts)
        labels[key]?.setEnabled(counts)
    }

    /** What the form says below the fields; from any thread. */
    void say(String text) {
        EventQueue.invokeLater {
            note.setText([text, remark].findAll { it }.join("\n"))
            if (dialog != null && dialog.getPreferredSize().height > dialog.getHeight()) dialog.pack()
        }
    }

    /** Fill in fields, with a remark on them, as one change; from any thread, which does not wait. */
    void fill(Map<String, String> texts, String remark) {
        EventQueue.invokeLater {
            this.remark = remark
            filling = true
            try {
                texts.each { key, text ->
                    def widget = widgets[key]
                    if (widget instanceof JComboBox) widget.setSelectedItem(text) else writing(widget).setText(text)
                }
            } finally { filling = false }
            changed(this)
        }
    }

    /** A button beside Help. */
    void addButton(String text, String help, Closure action) { buttons << button(text, help, action) }

    /** A line of the form that is no option of macros. */
    JCheckBox addBox(String label, String help) {
        def box = new JCheckBox(label)
        box.setToolTipText(help)
        widgets["_" + label] = box
        return box
    }

    private void build() {
        dialog = new JDialog(IJ.getInstance(), title, true)
        def panel = new JPanel(new GridBagLayout())
        panel.setBorder(BorderFactory.createEmptyBorder(12, 14, 4, 14))
        widgets.eachWithIndex { key, widget, row ->
            def field = fields.find { it.key == key }
            def place = new GridBagConstraints(gridy: row, insets: new Insets(3, 4, 3, 4), anchor: GridBagConstraints.WEST)
            if (widget instanceof JCheckBox) {
                place.gridwidth = 2
            } else {
                def label = new JLabel(field.label)
                label.setLabelFor(widget)
                label.setToolTipText(field.help)
                labels[key] = label
                panel.add(label, place)
                place.gridx = 1
                place.weightx = 1
                place.fill = GridBagConstraints.HORIZONTAL
            }
            panel.add(widget, place)
        }
        note.setEditable(false)
        note.setFocusable(false)
        note.setOpaque(false)
        note.setLineWrap(true)
        note.setWrapStyleWord(true)
        note.setFont(new JLabel().getFont())
        note.setBorder(BorderFactory.createEmptyBorder(6, 4, 2, 4))
        panel.add(note, new GridBagConstraints(gridy: widgets.size(), gridwidth: 2, fill: GridBagConstraints.HORIZONTAL))
        def ok = button("OK", "Run the command") { accept() }
        def cancel = button("Cancel", "Do nothing (Esc)") { dialog.dispose() }
        def help = button("Help", "What the command does, and what the fields mean") { showHelp() }
        def row = new JPanel(new FlowLayout(FlowLayout.RIGHT))
        (buttons + [help, ok, cancel]).each { row.add(it) }
        dialog.getContentPane().add(panel, BorderLayout.CENTER)
        dialog.getContentPane().add(row, BorderLayout.SOUTH)
        dialog.getRootPane().setDefaultButton(ok)
        dialog.getRootPane().registerKeyboardAction({ dialog.dispose() }, KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0),
            JComponent.WHEN_IN_FOCUSED_WINDOW)
        dialog.setDefaultCloseOperation(WindowConstants.DISPOSE_ON_CLOSE)
        widgets.values().each { listen(it) }
    }

    /** Close, unless a field has what it cannot have: that is said, and can be mended here. */
    private void accept() {
        try {
            Fields.read(fields, values())
            accepted = true
            dialog.dispose()
        } catch (Problem problem) { say(problem.message) }
    }

    /** Beside the image, so that it stays in sight; where there is none or no room, in the middle. */
    private void place() {
        def window = WindowManager.getCurrentImage()?.getWindow()
        GUI.centerOnImageJScreen(dialog)
        if (window == null || !window.isShowing()) return
        def screen = window.getGraphicsConfiguration().getBounds(), frame = window.getBounds(), size = dialog.getSize()
        def x = [frame.x + frame.width + GAP, frame.x - size.width - GAP].find {
            it >= screen.x && it + size.width <= screen.x + screen.width
        }
        def y = Math.max(screen.y, Math.min(frame.y, screen.y + screen.height - size.height))
        if (x != null) dialog.setLocation((int) x, (int) y)
    }

    private void showHelp() {
        def lines = fields.collect { "<p><b>${it.label}</b> (${it.key}): ${it.help}</p>" }.join()
        JOptionPane.showMessageDialog(dialog, new JLabel("<html><body style='width: 380px'><p>${about}</p>${lines}</body></html>"),
            title + " Help", JOptionPane.PLAIN_MESSAGE)
    }

    private static JButton button(String text, String help, Closure action) {
        def made = new JButton(text)
        made.setToolTipText(help)
        made.setMnemonic(text.charAt(0) as int)
        made.addActionListener { action() }
        return made
    }

    private static JComponent widget(Field field, String value, List<String> choices) {
        def made
        if (field.kind in ["file", "folder"]) return new PathField(field, value)
        if (field.kind == "yes") made = new JCheckBox(field.label, value == "true")
        else if (choices) {
            made = new JComboBox(choices as String[])
            made.setEditable(field.kind == "text" && field.choices)
            made.setSelectedItem(value)
        } else made = new JTextField(value, 10)
        made.setToolTipText(field.help)
        made.setName(field.key)
        return made
    }

    private void listen(JComponent widget) {
        def tell = { event ->
            if (filling) return
            remark = ""
            changed(this)
        }
        if (writing(widget) != null) {
            writing(widget).getDocument().addDocumentListener([insertUpdate: tell, removeUpdate: tell, changedUpdate: tell] as DocumentListener)
        } else widget.addActionListener { tell(null) }
    }

    /** Where one types: the field itself, or that of a choice which also takes other text; null where one does not. */
    private static JTextField writing(JComponent widget) {
        if (widget instanceof PathField) return widget.text
        if (widget instanceof JComboBox) return widget.isEditable() ? (JTextField) widget.getEditor().getEditorComponent() : null
        return widget instanceof JTextField ? widget : null
    }

    private static void onWindows(Closure work) {
        if (EventQueue.isDispatchThread()) work()
        else try { EventQueue.invokeAndWait { work() } } catch (java.lang.reflect.InvocationTargetException problem) { throw problem.cause }
    }
}
