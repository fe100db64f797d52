"""OQTOPUS in a box: the User API with its storage, queues and simulated devices, in this process or behind a port.

::

    from oqtopus_client import OqtopusClient
    from oqtopus_client.emulator import Emulator

    with Emulator() as emulator, OqtopusClient(emulator.config) as client:
        print(client.list_devices())

Behind a port: `python -m oqtopus_client.emulator --port 8080`.

Needs the extra `emulator`: `pip install 'oqtopus-client[emulator]'`.
"""

try:
    from oqtopus_client.emulator.coherent import CoherentErrors
    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.emulator import Emulator
    from oqtopus_client.emulator.faults import Fault, FaultKind
    from oqtopus_client.emulator.lattice import square_lattice
    from oqtopus_client.emulator.simulation.inputs import ProgramLimits
    from oqtopus_client.emulator.sse.limits import SseLimits
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"The emulator needs more packages ({error}): pip install 'oqtopus-client[emulator]'", name=error.name
    ) from error

__all__ = [
    "CoherentErrors",
    "EmulatedDevice",
    "Emulator",
    "Fault",
    "FaultKind",
    "ProgramLimits",
    "SseLimits",
    "square_lattice",
]
