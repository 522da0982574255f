"""What `__main__.py` deploys: its typed config, the defaults that differ by cluster, and the demos."""
