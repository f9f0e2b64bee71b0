"""The process that is measured: no more than a runtime must do, and its own figures at the end."""

import os
import sys
import time
from types import SimpleNamespace


def main() -> None:
    module, initializer, event, warm_calls, *path = sys.argv[1:]
    sys.path[:1] = path
    function = __import__(module)
    credentials = SimpleNamespace(access_key_id="id", access_key_secret="key", security_token="sts")
    context = SimpleNamespace(
        request_id=f"process-{os.getpid()}",
        function=SimpleNamespace(timeout=20),
        credentials=credentials,
    )
    if initializer:
        getattr(function, initializer)(context)
    answer = function.handler(event.encode(), context)
    ended_at, cpu_seconds = time.monotonic(), time.process_time()
    warm_cpu_seconds = 0.0
    for _ in range(int(warm_calls)):
        context.request_id += "."
        time.sleep(0.002)  # longer than this package's rest with the bench's settings
        began = time.process_time()
        last = function.handler(event.encode(), context)
        warm_cpu_seconds += time.process_time() - began
        assert last["code"] == "OK", last
    # The kernel's own figure for this program: that of getrusage has the parent's in it.
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is an import more
        peak_kb = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(answer["code"], ended_at, cpu_seconds, warm_cpu_seconds, peak_kb)


if __name__ == "__main__":
    main()
