"""The operator's settings: a model of the environment variables, read once per instance."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from verify_code import setting_types as types
from verify_code.store.base import DAY, HOUR, MINUTE, Limit

#: Kept back from the function's timeout for what follows the call.
MARGIN_SECONDS = 1.0

#: The API allows the account 10 calls a second; one is kept back.
MAX_CALLS_PER_SECOND = 9

#: Settings whose values may hold a secret, so that no sentence repeats them.
_NEVER_SHOWN = ("store_url", "store_secret", "test_numbers", "cams_endpoint")


Limits = tuple[Limit, ...]


class SettingsError(Exception):
    """Settings that can't be used: one sentence for each of them, without any secret."""


class Settings(BaseModel):
    """The environment variables, by their names in small letters; docs/settings.md explains them.

    A variable that isn't set, or is empty, means the field's default.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    operations: types.Operations = ("send",)
    cust_space_ids: types.Spaces
    allowed_countries: types.Countries
    allowed_methods: types.Methods = ("sms", "voice")
    default_method: types.DefaultMethod = None
    default_locale: types.Locale = "en"
    cams_endpoint: types.EndpointSetting = types.Endpoint(
        "https", "cams.ap-southeast-1.aliyuncs.com", 443
    )
    connect_timeout_seconds: types.Seconds = 3.0
    read_timeout_seconds: types.Seconds = 10.0
    store_url: types.StoreUrl = "memory://"
    store_secret: types.StoreSecret = SecretStr("")
    reserved_concurrency: types.Count = 9
    max_calls_per_second: types.Count = 9
    max_transit_seconds: types.TransitSeconds = 0.125
    max_event_age_seconds: types.Seconds = 600.0
    send_limits_per_number: types.Limits = (Limit(1, MINUTE), Limit(5, HOUR), Limit(10, DAY))
    send_limits_per_caller: types.Limits = (Limit(20, HOUR),)
    send_limits_total: types.Limits = (Limit(200, HOUR), Limit(1000, DAY))
    verify_limits_per_number: types.Limits = (Limit(5, HOUR), Limit(10, DAY))
    verify_limits_per_caller: types.Limits = (Limit(50, HOUR),)
    verify_limits_total: types.Limits = (Limit(1000, HOUR), Limit(5000, DAY))
    status_limits_per_caller: types.Limits = (Limit(200, HOUR),)
    status_limits_total: types.Limits = (Limit(2000, HOUR),)
    caller_header: types.Header = ""
    cust_space_header: types.Header = ""
    test_numbers: types.TestNumbers = frozenset()

    def limits(self, operation: str) -> tuple[Limits, Limits, Limits]:
        """The rate limits of an operation: for a number, for a caller, and in all."""
        per_number: Limits = getattr(self, f"{operation}_limits_per_number", ())
        per_caller: Limits = getattr(self, f"{operation}_limits_per_caller")
        return per_number, per_caller, getattr(self, f"{operation}_limits_total")

    @property
    def has_shared_store(self) -> bool:
        """Instances share a store, which also paces them together."""
        return self.store_url != "memory://"

    @property
    def calls_per_instance(self) -> int:
        """How many calls each instance may make in any second, without a store."""
        return self.max_calls_per_second // self.reserved_concurrency

    @property
    def seconds_between_calls(self) -> float:
        """The shortest time between two calls of one instance."""
        if self.has_shared_store:
            return (1 + self.max_transit_seconds) / self.max_calls_per_second
        return self.max_transit_seconds + 1 / max(1, self.calls_per_instance)

    @property
    def store_seconds(self) -> float:
        """The longest time for one step of the store: connecting, and the command."""
        return 1.0 if self.has_shared_store else 0.0

    @property
    def attempt_seconds(self) -> float:
        """The longest time for an attempt, without its wait and without looking up the name."""
        return self.connect_timeout_seconds + self.read_timeout_seconds + self.store_seconds


def load(environ: Mapping[str, str], function_timeout_seconds: float) -> Settings:
    """The settings in the environment; SettingsError names everything that is wrong with them."""
    texts = {name: environ.get(name.upper(), "").strip() for name in Settings.model_fields}
    problems: dict[str, str] = {}
    if environ.get("DEBUG", "").strip().lower() == "sdk":
        problems["debug"] = (
            "DEBUG is 'sdk', which makes the SDK print the security token: unset it."
        )
    try:
        settings = Settings.model_validate({name: text for name, text in texts.items() if text})
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            name = str(error["loc"][0])
            is_told = error["type"] == "setting"
            problem = error["msg"] if is_told else _problem(name, texts[name])
            problems.setdefault(name, f"{name.upper()} {problem}")
    else:
        usual = "sms" if "sms" in settings.allowed_methods else "voice"
        method = settings.default_method or usual
        settings = settings.model_copy(update={"default_method": method})
        sentences = [*problems.values(), *_contradictions(settings, function_timeout_seconds)]
        if not sentences:
            return settings
        raise SettingsError(" ".join(sentences))
    raise SettingsError(" ".join(problems.values()))


def _problem(name: str, text: str) -> str:
    shown = "" if name in _NEVER_SHOWN else text[:100]
    what = f"is {shown!r}" if shown else "is wrong" if text else "is not set"
    return f"{what}: it must {Settings.model_fields[name].description}."


def _contradictions(settings: Settings, function_timeout_seconds: float) -> Iterator[str]:
    instances, most = settings.reserved_concurrency, settings.max_calls_per_second
    if settings.default_method not in settings.allowed_methods:
        yield "DEFAULT_METHOD is not among ALLOWED_METHODS: name one that is."
    if settings.caller_header and settings.caller_header == settings.cust_space_header:
        yield "CALLER_HEADER and CUST_SPACE_HEADER are the same: name two headers."
    needed = settings.attempt_seconds + settings.seconds_between_calls + MARGIN_SECONDS
    if needed > function_timeout_seconds:
        yield (
            "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS don't fit in the function's timeout "
            f"of {function_timeout_seconds:g} s: with what comes before and after the call they "
            f"need more than {needed - 0.001:.3f} s. Lower them, or give the function more time."
        )
    if settings.has_shared_store and len(settings.store_secret.get_secret_value()) < 32:
        yield "STORE_SECRET must be 32 or more random characters, since STORE_URL names a store."
    if settings.calls_per_instance == 0 and not settings.has_shared_store:
        yield (
            f"RESERVED_CONCURRENCY is {instances}, more than MAX_CALLS_PER_SECOND, which is "
            f"{most}: an instance may call once a second, so together they would call too often. "
            "Lower it, or let the instances share a store (STORE_URL)."
        )
    # Another host is a stand-in for tests, with limits of its own.
    if most > MAX_CALLS_PER_SECOND and settings.cams_endpoint.host.endswith(".aliyuncs.com"):
        yield (
            f"MAX_CALLS_PER_SECOND is {most}, but the API takes 10 calls a second for the whole "
            f"account, so that a burst would be refused. Set it to {MAX_CALLS_PER_SECOND} or less."
        )


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that have no meaning here, and the setting that each was probably meant for."""
    names = [name.upper() for name in Settings.model_fields]
    beginnings = {name[:2] for name in names}
    strange = [
        name
        for name in environ
        if name not in names and name[:2].upper() in beginnings and name[:8] != "ALIBABA_"
    ]
    if not strange:
        return {}
    from difflib import get_close_matches  # noqa: PLC0415 - hardly ever needed

    nearest = {name: get_close_matches(name.upper(), names, 1, 0.75) for name in strange}
    return {name: found[0] for name, found in nearest.items() if found}
