"""People crossing lines before a camera; the counting is done by a process of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Final, Protocol, Self

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig, PrivacyConfig
from edge_gateway.drivers.contract import TalkingDriver, Waiter
from edge_gateway.links.errors import DeviceSilent, LinkGone, Misconfigured
from edge_gateway.people.boundary import (
    Counts,
    Coverage,
    EncodedPicture,
    Health,
    Message,
    SourceState,
)
from edge_gateway.people.counter_link import COUNTER_COMMAND, CounterLink
from edge_gateway.people.counter_settings import (
    CounterSettings,
    GroundConfig,
    Lines,
    Masks,
    ModelSide,
    Pictures,
    PictureSide,
    Zones,
    check_layout,
)
from edge_gateway.people.small_counts import LEAST_COUNT, ROUND_TO
from edge_gateway.people.window_readings import measured_of
from edge_gateway.reading import Measured, Quantity

# The counter's pulse comes each second, but not before its network is loaded.
FIRST_PULSE_S: Final = 45.0
SILENT_S: Final = 10.0
# Pulses without sight before the device is called silent: a camera may blink.
BLIND_PULSES: Final = 10
COUNTER_NEEDS: Final = ("numpy", "cv2", "onnxruntime")


class CameraConfig(DeviceConfig):
    """A camera that counts people over lines."""

    counts_people: ClassVar[bool] = True

    source: Annotated[
        str,
        Field(
            min_length=1,
            description="rtsp:// or http:// address, camera by its fixed name under "
            "/dev/v4l/by-id/, or a video file",
            examples=["rtsp://192.0.2.10/stream1"],
        ),
    ]
    model: Annotated[
        ModelSide,
        Field(description="side of the detector's picture in pixels; 320 is fast, 416 is better"),
    ] = 416
    interval_s: Annotated[
        int, Field(ge=1, le=86_400, description="seconds of one count; 900 in publications")
    ] = 900
    pictures: Annotated[
        Pictures,
        Field(
            description="none: no picture leaves; scene: now and then one of the place, people as "
            "drawn markers; calibration: one a second, for ten minutes from the start"
        ),
    ] = "none"
    picture_interval_s: Annotated[
        float, Field(ge=10, le=86_400, description="seconds between two pictures of the scene")
    ] = 3600.0
    stand_still_s: Annotated[
        float,
        Field(
            ge=60,
            le=86_400,
            description="seconds a thing that came to stand stays out of the pictures",
        ),
    ] = 600.0
    least_count: Annotated[
        int,
        Field(ge=0, le=1000, description="counts from 1 to below this are suppressed; 0: none is"),
    ] = LEAST_COUNT
    round_to: Annotated[
        int, Field(ge=1, le=1000, description="counts are rounded to multiples of this")
    ] = ROUND_TO
    threads: Annotated[
        int, Field(ge=1, le=16, description="processor cores the detector may use")
    ] = 1
    every: Annotated[int, Field(ge=1, le=100, description="look at each N-th picture")] = 1
    max_cpu: Annotated[
        float, Field(gt=0, le=1, description="share of one core the counter may use on average")
    ] = 0.75
    max_celsius: Annotated[
        float,
        Field(ge=40, le=105, description="processor temperature above which it looks less often"),
    ] = 75.0
    picture_size: Annotated[
        tuple[PictureSide, PictureSide] | None,
        Field(
            description="width and height of the camera's picture in pixels; with them `check`"
            " knows whether lines and zones lie well in it, and another size is refused",
            examples=[[768, 576]],
        ),
    ] = None
    loop: Annotated[bool, Field(description="begin a video file again at its end")] = False
    line: Lines
    zone: Zones = ()
    mask: Masks = ()
    ground: Annotated[
        GroundConfig | None,
        Field(
            description="four points of the ground and their places in metres, for speeds in m/s"
        ),
    ] = None

    @model_validator(mode="after")
    def _what_is_drawn_can_work(self) -> Self:
        check_layout(self, self.picture_size)
        return self

    @property
    def samples_per_s(self) -> float:
        """None: its counts are windows already."""
        return 0.0


class CounterChannel(Protocol):
    """What the driver asks of its link."""

    def receive(self, timeout_s: float) -> Message | None:
        """The next message, None when none came in time; may raise LinkGone or Misconfigured."""
        ...

    @property
    def last_words(self) -> str:
        """What the counter last said for people."""
        ...


def open_counter(
    config: CameraConfig,
    permission: PrivacyConfig,
    *,
    command: Sequence[str] = COUNTER_COMMAND,
) -> CounterLink:
    """Start a counter for `config`. Raises Misconfigured or LinkGone when it cannot be."""
    missing = [name for name in COUNTER_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"counting by camera needs {', '.join(missing)}: pip install 'edge-gateway[camera]'"
        )
    return CounterLink(counter_settings(config, permission), command=command)


def counter_settings(config: CameraConfig, permission: PrivacyConfig) -> CounterSettings:
    """What the counter is told of its `[[device]]` table."""
    told = CounterSettings.model_fields.keys() & CameraConfig.model_fields.keys()
    return CounterSettings.model_validate(
        {"permission": permission} | {name: getattr(config, name) for name in told}
    )


class Camera(TalkingDriver[CameraConfig, CounterChannel]):
    """Hears the counter. What is no measurement stands in the three `latest_` attributes.

    They are None until the first message of their kind, and may be read from any thread.
    """

    title = "camera, people over lines: NanoDet-g on the pole, no picture of a person leaves"
    config_model = CameraConfig
    quantities = (
        Quantity.PEOPLE,
        Quantity.WALKING_SPEED,
        Quantity.OCCUPANCY,
        Quantity.DWELL_TIME,
        Quantity.STAYS,
        Quantity.COVERAGE,
        Quantity.FRAME_RATE,
    )

    def __init__(self, config: CameraConfig, link: CounterChannel, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self.latest_picture: EncodedPicture | None = None
        self.latest_health: Health | None = None
        self.latest_counts: Counts | None = None
        self._coverage: Coverage | None = None
        self._rate_is_due = True
        self._blind_pulses = 0
        self._patience_s = FIRST_PULSE_S
        self._is_mute = False

    def listen(self) -> Iterator[Measured]:
        """Yield each window when it ends, and the frame rate at the start and then once a window.

        A window in which nothing at all was seen is not yielded: it is missing, not zero.
        Raises DeviceSilent when the counter, or its camera, gives nothing for 10 s, and LinkGone
        when a silent counter is still silent after that: it hangs, and is best started anew.
        """
        while True:
            message = self.link.receive(self._patience_s)
            if message is None:
                raise self._silence()
            self._patience_s, self._is_mute = SILENT_S, False
            measured = self._take(message)
            if measured:
                yield measured

    def _take(self, message: Message) -> Measured:
        match message:
            case EncodedPicture():
                self.latest_picture = message
            case Coverage():
                self._coverage = message
            case Health():
                return self._pulse(message)
            case Counts():
                return self._window(message)
        return {}

    def _window(self, counts: Counts) -> Measured:
        coverage, self._coverage = self._coverage, None
        self.latest_counts = counts
        self._rate_is_due = True
        if coverage is None or coverage.observed_s == 0:
            return {}
        return measured_of(
            counts,
            coverage,
            least_count=self.config.least_count,
            round_to=self.config.round_to,
        )

    def _pulse(self, health: Health) -> Measured:
        self.latest_health = health
        if health.source is not SourceState.SEEING:
            self._blind_pulses += 1
            if self._blind_pulses >= BLIND_PULSES:
                # Sight is news again when it comes back.
                self._rate_is_due = True
                raise DeviceSilent(self._blindness(health.source))
            return {}
        self._blind_pulses = 0
        if not self._rate_is_due or health.frame_rate == 0:
            return {}
        self._rate_is_due = False
        return {Quantity.FRAME_RATE: health.frame_rate}

    def _silence(self) -> DeviceSilent | LinkGone:
        what = f"the counter has said nothing for {self._patience_s:g} s"
        if self._is_mute:
            return LinkGone(f"{what}, again: it hangs")
        self._is_mute = True
        return DeviceSilent(what)

    def _blindness(self, state: SourceState) -> str:
        what = {
            SourceState.FROZEN: "the camera sends the same picture for ever; restart it",
            SourceState.DARK: "the camera's picture is dark; light the place, or look at the lens",
            SourceState.BLOCKED: "something covers the camera's lens; clear it",
            SourceState.BLURRED: "the camera's picture is out of focus; clean and focus the lens",
            SourceState.ENDED: "the recording has ended; set loop = true to play it again",
        }.get(state, "the camera gives no picture; check its power, address and cable")
        words = self.link.last_words
        return f"{what} ({words})" if words else what
