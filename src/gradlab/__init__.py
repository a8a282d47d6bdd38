"""Gradlab: a deep-learning laboratory.

    import gradlab as gl

    study = gl.compare("digits", vary={"optimizer": ["sgd", "adam"]})
    study.ranking("optimizer")

Importing the package loads nothing heavy; each name of `__init__.pyi` is imported when it is first
used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
