"""How people move and how the detector errs: what the tracker goes by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Lengths are in body heights.

    Measured on PETS 2009 S2.L1, frames 1-397: event F1 moves by less than 0.01 when any one number
    moves by a quarter, the two on scores by a tenth.
    """

    high_score: float = 0.45
    """A box this sure may start a track: NanoDet-g has its best F1 at 0.40 (320) and 0.50 (416)."""

    low_ratio: float = 0.8
    """Boxes down to this share of `high_score` prolong a track; far lower ones mislead it."""

    trial_s: float = 0.7
    """A track is reported once it has lasted this long; it costs delay, not crossings, because
    the steps on trial are reported with it."""

    trial_gap_s: float = 0.35
    """A track on trial may go unseen this long; false boxes flicker, people do not."""

    coast_s: float = 1.0
    """An unseen track moves on and waits for its box this long: beyond, the guess is too wide."""

    link_s: float = 3.0
    """A new track may continue one lost up to this long ago: a walk past a post, sign or group."""

    reach: float = 0.45
    """Body heights between guess and finding, at most; a link may err so much more each second."""

    turn: float = 1.2
    """Change of velocity across a link, body heights/s, at most: a walker does about 0.8, and
    one who leaves the picture is not the one who comes in a second later."""

    place_noise: float = 0.04
    """Standard error of a box edge, body heights (measured: 3 px on 80 px)."""

    height_noise: float = 0.15
    """Standard error of a box height, as a ratio: boxes are cut where people hide each other."""

    start_speed: float = 1.0
    """Standard deviation of a newcomer's speed, body heights/s."""

    wander: float = 0.3
    """Velocity of a walker drifts by this many body heights/s in a second (random walk)."""

    gate: float = 4.0
    """Standard deviations between a track and its box, at most."""

    newcomer_overlap: float = 0.5
    """A box covered to this share by tracked people starts no track: detectors also answer with
    one box around two people, or around half a person."""
