"""What a job needs of the machine, said when it is submitted, so that nobody reads its spec later."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine import schedule
from engine.errors import MachineError

if TYPE_CHECKING:
    from engine.spec import JobSpec


def requirements(spec: "JobSpec", environ: Mapping[str, str]) -> dict[str, Any]:
    """`requires` of `launch.json`.

    Raises:
        MachineError: the GPUs that are asked for are not there, or may not be used.
    """
    asked = spec.compute.gpus
    if isinstance(asked, int) and asked > 1:
        raise MachineError(
            f"compute.gpus: {asked}: several GPUs for one job are not built yet", "use 1"
        )
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if asked != 0:
        from engine.gpu import Telemetry

        with Telemetry() as telemetry:
            snapshot = telemetry.read()
        gpus = [schedule.Gpu(gpu.index, gpu.uuid) for gpu in snapshot.gpus]
        if asked == 1 and not gpus:
            raise MachineError(
                f"compute.gpus: 1, and {snapshot.note or 'no GPU was found'}",
                "use `gpus: auto` or `gpus: 0` to train on the CPU",
            )
        if gpus and visible and not schedule.visible_gpus(gpus, visible):
            raise MachineError(
                f"CUDA_VISIBLE_DEVICES={visible} names no GPU of this machine",
                "unset it, or name GPUs by the index or UUID that `nvidia-smi -L` shows",
            )
        if asked == 1 and visible is not None and not schedule.visible_gpus(gpus, visible):
            raise MachineError(
                "compute.gpus: 1, and CUDA_VISIBLE_DEVICES hides every GPU",
                "unset it, or use `gpus: 0` to train on the CPU",
            )
    return {"gpus": asked, "visible": visible}
