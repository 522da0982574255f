"""The lab's own engine: runs the unmodified Pulumi program on clusters that the lab made, and on no other.

It speaks the SDK's protocol, so the program and its components are the same ones that the official CLI runs. It
holds what the lab's program and tests use; anything else is an error that names the feature. What it does, it
does as the official engine and Kubernetes provider do.
"""

import os

# Before gRPC is loaded, here and in the program that inherits it: at the end of a run its C core writes lines about
# closed connections to standard error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from lab.engine.display import PlainDisplay, QuietDisplay, RichDisplay, best_display
from lab.engine.engine import Engine
from lab.engine.errors import EngineError
from lab.engine.model import Diagnostic, Row, Summary
from lab.engine.report import Display
from lab.engine.values import hide, reveal

__all__ = [
    "Diagnostic",
    "Display",
    "Engine",
    "EngineError",
    "PlainDisplay",
    "QuietDisplay",
    "RichDisplay",
    "Row",
    "Summary",
    "best_display",
    "hide",
    "reveal",
]
