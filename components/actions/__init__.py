"""What a declaration cannot do to a live cluster.

Plain Python on the official `kubernetes` client: no engine and no program is needed. Every action can be
killed at any point and run again. Modules: `connection` (kubeconfig and identity), `client` (JSON over the
official client's transport), `resize` (new sizes for running pods), `readiness` (waiting that knows when to
stop hoping), `generations` (hashed config objects), `snapshot`, `restore` and `reset` (a cluster's objects, kept and
brought back), `cri` (runtimes of nodes).
"""
