"""Stands in for APScheduler, which renews the credentials of an ECS instance in the background."""

from stub import Stub

for name in (
    "apscheduler",
    "apscheduler.schedulers",
    "apscheduler.schedulers.background",
    "apscheduler.schedulers.background.BackgroundScheduler",
):
    Stub(name)
