package isoscale

import ij.io.OpenDialog
import java.awt.BorderLayout
import java.awt.datatransfer.DataFlavor
import java.awt.dnd.DnDConstants
import java.awt.dnd.DropTarget
import java.awt.dnd.DropTargetAdapter
import java.awt.dnd.DropTargetDropEvent
import javax.swing.*

/** A file or a folder: typed, dropped, or chosen with a button. */
class PathField extends JPanel {
    final JTextField text

    PathField(Field field, String value) {
        super(new BorderLayout(4, 0))
        text = new JTextField(value, 24)
        text.setName(field.key)
        text.setToolTipText(field.help)
        listen(text)
        def browse = new JButton("Browse…")
        browse.setToolTipText("Choose it: " + field.help)
        browse.addActionListener { choose(field) }
        add(text, BorderLayout.CENTER)
        add(browse, BorderLayout.EAST)
    }

    private void listen(JTextField field) {
        def dropped = [drop: { DropTargetDropEvent event -> take(event) }] as DropTargetAdapter
        field.setDropTarget(new DropTarget(field, dropped))
    }

    private void choose(Field field) {
        def chooser = new JFileChooser(), present = new File(text.getText().trim()), usual = OpenDialog.getDefaultDirectory()
        if (present.exists()) chooser.setSelectedFile(present.getAbsoluteFile())
        else if (usual) chooser.setCurrentDirectory(new File(usual))
        chooser.setDialogTitle(field.label)
        chooser.setFileSelectionMode(field.kind == "folder" ? JFileChooser.DIRECTORIES_ONLY : JFileChooser.FILES_AND_DIRECTORIES)
        if (chooser.showDialog(this, "Choose") == JFileChooser.APPROVE_OPTION) text.setText(chooser.getSelectedFile().path)
    }

    private void take(DropTargetDropEvent event) {
        if (!event.isDataFlavorSupported(DataFlavor.javaFileListFlavor)) {
            event.rejectDrop()
            return
        }
        event.acceptDrop(DnDConstants.ACTION_COPY)
        def files = (List) event.getTransferable().getTransferData(DataFlavor.javaFileListFlavor)
        if (files) text.setText(files[0].path)
        event.dropComplete(!files.isEmpty())
    }
}
