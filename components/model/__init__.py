"""What Kubernetes means, in plain Python: values in, manifests or problems out.

No Pulumi, no cluster and no I/O: every rule here can be tested with a dictionary.
"""
