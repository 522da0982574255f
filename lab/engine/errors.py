"""What can go wrong in the engine, told to people: every error here is shown without a traceback."""


class EngineError(Exception):
    """The run cannot go on at all; the message says what is wrong, where, and what to do."""


class Unsupported(EngineError):  # noqa: N818 (it reads as what it says)
    """The program asks for something that this engine does not do.

    The lab's engine holds what the lab needs; everything else belongs to the official CLI, so the message
    names the feature and points there.
    """

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"{feature}: the lab's engine does not do this; the official Pulumi CLI does "
            "(https://www.pulumi.com/docs/install/)"
        )


class StepError(Exception):
    """One resource's step failed; the run ends after the steps that are in flight."""


class UnclearError(StepError):
    """Whether the step was done is not known; its record stays, and the next run looks it up."""


class PartialError(StepError):
    """The object was created or updated, but waiting for it failed; `live` is its last known form."""

    def __init__(self, message: str, live: dict[str, object]) -> None:
        super().__init__(message)
        self.live = live
