"""What the lab's kind cluster publishes and what the program asks for: two rooms that never import each other."""

from lab.kind.config import HTTP_NODE_PORT, UDP_NODE_PORT
from program.demos import KIND_NODE_PORTS


def test_published_ports_are_the_programs_node_ports() -> None:
    """HTTP first, then UDP, in both rooms."""
    assert (HTTP_NODE_PORT, UDP_NODE_PORT) == KIND_NODE_PORTS
