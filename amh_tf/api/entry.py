"""Modules that are commands and, under the same name, functions of the library.

`amh_tf.train` is a function until something imports the module `amh_tf.train`, which then takes
its name, as Python has it. So the module is made to be called, too.
"""

import inspect
import sys
import types
from collections.abc import Callable


def make_callable(name: str, function: Callable) -> None:
    """Lets a module be called as a function.

    Args:
        name: The module's `__name__`.
        function: What a call does; its signature and docstring become the module's.
    """

    class CallableModule(types.ModuleType):
        def __call__(self, *arguments, **settings):
            return function(*arguments, **settings)

    module = sys.modules[name]
    module.__class__ = CallableModule
    vars(module)["__signature__"] = inspect.signature(function)
    module.__doc__ = function.__doc__
