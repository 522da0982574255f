"""Serves the components to every Pulumi language: `pulumi package add <repository>/components`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python runs this folder, so it comes first on the path, where its modules would hide others of the same name.
    folder = Path(__file__).resolve().parent
    sys.path = [str(folder.parent), *(entry for entry in sys.path if Path(entry).resolve() != folder)]

    from pulumi.provider import main

    import components
    from components._host import Host

    served = [
        components.ClusterReset,
        components.ClusterRestore,
        components.ClusterSnapshot,
        components.CriCheck,
        components.MixedProtocolService,
        components.Preflight,
        components.ResizableDeployment,
        components.ResizableStatefulSet,
        components.SidecarWorkload,
        components.Target,
        components.WasmRuntime,
        components.WasmWorkload,
    ]
    main(
        Host(served, "kubernetes-emerging", namespace="community", version=components.__version__),
        sys.argv[1:],
    )
