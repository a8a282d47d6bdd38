"""Machine code made at run time, for the few loops that decide how long a training takes.

XLA compiles nearly all that Gradlab computes. Where its code is far from what a core can do and the
loop is short, the loop is written here by hand, in LLVM's language, for the shapes and the
processor at hand, and XLA calls it (docs/decisions/0012).

    function    writes one function that XLA can call
    machine     what this processor can do; turns a function into machine code
"""
