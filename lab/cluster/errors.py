"""The one error of the cluster room: what is wrong and what to do, for people."""


class ClusterError(Exception):
    """The cluster, or what it is built from, could not be brought where it was asked to be.

    The message says what failed, where, and what to do next; it needs no traceback.
    """
