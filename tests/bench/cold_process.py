"""The process that is measured: no more than a runtime must do, and its own figures at the end."""

import sys
import time
from types import SimpleNamespace
from typing import Any

SDK_CALL = (("alibabacloud_tea_openapi.client", "Client", "call_api"),)
CHECKS = (
    ("verify_code.app", "", "validate"),
    ("verify_code.app", "", "_log"),
    ("verify_code.sending", "Sender", "_take_turn"),
)


class Meter:
    """The CPU time that some functions take, those that are imported."""

    def __init__(self, functions: tuple[tuple[str, str, str], ...]) -> None:
        self.cpu_seconds = 0.0
        for module, owner, name in functions:
            if module in sys.modules:
                holder: Any = sys.modules[module]
                holder = getattr(holder, owner) if owner else holder
                setattr(holder, name, self._metered(getattr(holder, name)))

    def _metered(self, function: Any) -> Any:
        def metered(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments)
            finally:
                self.cpu_seconds += time.process_time() - began

        return metered


def main() -> None:
    module, initializer, event, warm_calls, *path = sys.argv[1:]
    sys.path[:1] = path
    function = __import__(module)
    credentials = SimpleNamespace(access_key_id="id", access_key_secret="key", security_token="sts")
    context = SimpleNamespace(
        request_id="first", function=SimpleNamespace(timeout=20), credentials=credentials
    )
    if initializer:
        getattr(function, initializer)(context)
    answer = function.handler(event.encode(), context)
    ended_at, cpu_seconds = time.monotonic(), time.process_time()

    def warm_cpu_seconds() -> float:
        total = 0.0
        for _ in range(int(warm_calls)):
            context.request_id += "."
            time.sleep(0.002)  # longer than this package's rest with the bench's settings
            began = time.process_time()
            last = function.handler(event.encode(), context)
            total += time.process_time() - began
            assert last["code"] == "OK", last
        return total

    warm = warm_cpu_seconds()
    # The kernel's own figure for this program: that of getrusage has the parent's in it.
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is an import more
        peak_kb = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    meters = Meter(SDK_CALL), Meter(CHECKS)
    warm_cpu_seconds()  # once more, since the meters take time, too
    parts = [meter.cpu_seconds for meter in meters]
    print(answer["code"], ended_at, cpu_seconds, warm, *parts, peak_kb)


if __name__ == "__main__":
    main()
