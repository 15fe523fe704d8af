"""ImageJ 1's menu and macros, leading to the commands as imagej-legacy does, which Maven Central does not have.

It hooks into the real ImageJ 1 where imagej-legacy does, and asks the real module service. What is its own here is
only the wire between them: which inputs are filled from a macro's options, and which thread has asked.
"""

from __future__ import annotations

from typing import Any

import jpype

from commands import Commands

_WIRE = """
import net.imagej.patcher.EssentialLegacyHooks

class Wire extends EssentialLegacyHooks {
    def infos, modules, threads, last

    Object interceptRunPlugIn(String className, String arg) {
        def info = infos[className]
        if (info == null) return null
        def options = ij.Macro.getOptions() ?: ""
        def inputs = [:]
        info.inputs().each { item ->
            def value = ij.Macro.getValue(options, item.name, null)
            if (value != null) inputs[item.name] = value
        }
        last = modules.run(info, true, inputs).get()
        return last
    }

    Iterable<Thread> getThreadAncestors() {
        def found = []
        def thread = Thread.currentThread()
        while (thread != null && !(thread in found)) { found << thread; thread = threads.getParent(thread) }
        return found
    }
}
new Wire(infos: infos, modules: modules, threads: threads)
"""

_HARVESTER = """
import org.scijava.widget.AbstractInputHarvester

/** What a dialog of SciJava would ask for: inputs that are not resolved and for which it has a widget. */
class Asking extends AbstractInputHarvester {
    def service, pool, asked = []
    void harvest(org.scijava.module.Module module) {
        module.info.inputs().findAll { !module.isInputResolved(it.name) }.each { item ->
            def choices = pool.getObjects(item.type) + convert.getCompatibleInputs(item.type)
            def model = service.createModel(null, module, item, choices as List)
            if (model.isText() || model.isNumber() || model.isBoolean() || model.isType(File) || choices ||
                    model.isType(Date)) asked << item.name
        }
    }
    def convert
    org.scijava.widget.InputPanel createInputPanel() { null }
    boolean harvestInputs(org.scijava.widget.InputPanel panel, org.scijava.module.Module module) { true }
}
new Asking(
    service: context.getService("org.scijava.widget.WidgetService"),
    convert: context.getService("org.scijava.convert.ConvertService"),
    pool: context.getService("org.scijava.object.ObjectService"))
"""


def groovy(text: str, **variables: Any) -> Any:
    """The value of a piece of Groovy."""
    binding = jpype.JClass("groovy.lang.Binding")()
    for name, value in variables.items():
        binding.setVariable(name, value)
    return jpype.JClass("groovy.lang.GroovyShell")(binding).evaluate(text)


class Menu:
    """The commands in ImageJ 1's table of commands; `last` is the module that ran last."""

    def __init__(self, commands: Commands) -> None:
        infos = jpype.JClass("java.util.HashMap")()
        for name, info in commands.infos.items():
            infos.put(f"isoscale:{name}", info)
        threads = commands.context.service("org.scijava.thread.ThreadService")
        self._wire = groovy(_WIRE, infos=infos, modules=commands.modules, threads=threads)
        injector = jpype.JClass("net.imagej.patcher.LegacyInjector")
        loader = jpype.JClass("ij.IJ").getClassLoader() or jpype.JClass("java.lang.ClassLoader").getSystemClassLoader()
        self._install = lambda hooks: injector.installHooks(loader, hooks)
        self._before = self._install(self._wire)
        table = jpype.JClass("ij.Menus").getCommands()
        for name in commands.infos:
            table.put(name, f"isoscale:{name}")

    @property
    def last(self) -> Any:
        """The module that ran last."""
        return self._wire.getProperty("last")

    def close(self) -> None:
        """ImageJ as it was."""
        self._install(self._before)


def asked_by_scijava(commands: Commands, name: str) -> list[str]:
    """The inputs that SciJava's harvesting would open a dialog for."""
    module = commands.modules.createModule(commands.infos[name])
    harvester = groovy(_HARVESTER, context=commands.context)
    harvester.harvest(module)
    return [str(found) for found in harvester.getProperty("asked")]
