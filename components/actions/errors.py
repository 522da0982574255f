"""The one error hierarchy of the actions: what is wrong, where, and what to do."""

from collections.abc import Sequence


class ActionError(Exception):
    """Any foreseeable failure of an action; its text is complete for a person."""


class ConnectionProblem(ActionError):  # noqa: N818 - it carries its remedy, which makes it a problem
    """The cluster cannot be reached, does not accept the credentials, or is not the one that was meant.

    `what` is the problem and `remedy` what to do about it; neither ever holds kubeconfig content.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy


class ApiError(ActionError):
    """The API server answered a request with an error.

    `status` is the HTTP code, `reason` Kubernetes' machine word (`NotFound`, `Conflict`, `Invalid`, …),
    `message` the server's text, `causes` its list of `(field, reason, message)`.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        request: str = "",
        causes: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        super().__init__(f"{request}: {message}" if request else message)
        self.status = status
        self.reason = reason
        self.message = message
        self.request = request
        self.causes = list(causes)

    @property
    def not_found(self) -> bool:
        """True when the object, or the kind, is not there."""
        return self.status == 404

    @property
    def conflict(self) -> bool:
        """True when a precondition failed or another field manager owns a field."""
        return self.status == 409

    @property
    def forbidden(self) -> bool:
        """True for missing rights and for refusals by admission (quota, LimitRange)."""
        return self.status == 403
