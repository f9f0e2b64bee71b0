"""No plugins for pydantic: to look for them, it would import what reads packages' metadata."""


def get_plugins() -> tuple[()]:
    return ()
