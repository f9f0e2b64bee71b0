"""Stands in for APScheduler, which renews the credentials of an ECS instance in the background."""

from stand_in import StandIn

for name in (
    "apscheduler",
    "apscheduler.schedulers",
    "apscheduler.schedulers.background",
    "apscheduler.schedulers.background.BackgroundScheduler",
):
    StandIn(name)
