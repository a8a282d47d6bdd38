"""Parts of networks: layers, activations, initialisers, losses and penalties.

Each name of `__init__.pyi` is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
