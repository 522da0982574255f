"""What is wrong with what runs in a namespace, whoever made it. It reads, and changes nothing.

`diagnose` takes a picture (`snapshot`) and gives it to every check in `checks.CHECKS`; a new failure mode is a function
more in that list. What may not be read is unknown, and said. `render` and `Diagnosis.to_json` tell people and programs.
"""

from components.actions.diagnose.diagnosing import diagnose, every_namespace
from components.actions.diagnose.rendering import render
from components.actions.diagnose.report import Diagnosis, Trouble
from components.actions.diagnose.targets import Target, parse_target

__all__ = ["Diagnosis", "Target", "Trouble", "diagnose", "every_namespace", "parse_target", "render"]
