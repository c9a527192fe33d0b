"""Follow people from picture to picture: boxes in, tracks out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.assignment import assign

Boxes: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    high_score: float = 0.45
    low_ratio: float = 0.8
    confirm_hits: int = 3
    confirm_s: float = 0.2
    tentative_gap_s: float = 0.25
    coast_s: float = 2.0
    gate: float = 4.0
    place_noise: float = 0.05
    height_noise: float = 0.1
    wander: float = 0.6
    speed_guess: float = 1.0
    duplicate: float = 0.75
    feet: int = 1
    low_new: int = 0
    iou_w: float = 0.0
    link_s: float = 0.0
    link_a: float = 0.35
    link_b: float = 0.35
    fresh_s: float = 99.0
    brake_s: float = 99.0
    cover1: float = 9
    cover: float = 9
    score_w: float = 0.0
    earn: float = 0.0
    weak_s: float = 9.0
    reach: float = 99.0
    min_iou: float = 0.0
    min_iou_s: float = 0.3


@dataclass(frozen=True, slots=True)
class FootPoint:
    time_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Track:
    id: int
    left: float
    top: float
    width: float
    height: float
    observed: bool
    score: float
    steps: tuple[FootPoint, ...] = ()

    @property
    def foot(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height


class _Axis:
    __slots__ = ("place", "speed", "pp", "ps", "ss")

    def __init__(self, place: float, pp: float, ss: float) -> None:
        self.place, self.speed, self.pp, self.ps, self.ss = place, 0.0, pp, 0.0, ss

    def predict(self, dt: float, q: float) -> None:
        self.place += self.speed * dt
        self.pp += dt * (2 * self.ps + dt * self.ss) + q * dt**3 / 3
        self.ps += dt * self.ss + q * dt * dt / 2
        self.ss += q * dt

    def update(self, z: float, r: float) -> None:
        s = self.pp + r
        kp, ks = self.pp / s, self.ps / s
        e = z - self.place
        self.place += kp * e
        self.speed += ks * e
        self.ss -= ks * self.ps
        self.ps *= 1 - kp
        self.pp *= 1 - kp


class _Person:
    def __init__(self, box, time_s: float, s: TrackerSettings) -> None:
        l, t, w, h, sc = box
        self.s = s
        r, v = (s.place_noise * h) ** 2, (s.speed_guess * h) ** 2
        self.x, self.y = _Axis(l + w / 2, r, v), _Axis(t + h, r, v)
        self.w, self.h, self.score = w, h, sc
        self.id = 0
        self.hits = 1
        self.born = self.seen = self.time = time_s
        self.steps = [FootPoint(time_s, l + w / 2, t + h)]
        self.first = self.last = self.steps[0]
        self.vx = self.vy = 0.0

    def predict(self, time_s: float) -> None:
        dt = time_s - self.time
        q = (self.s.wander * self.h) ** 2
        self.x.predict(dt, q)
        self.y.predict(dt, q)
        if time_s - self.seen > 0.25:
            f = math.exp(-dt / self.s.brake_s)
            self.x.speed *= f
            self.y.speed *= f
        self.time = time_s

    def cost(self, box) -> float:
        l, t, w, h, _ = box
        s = self.s
        r = (s.place_noise * self.h) ** 2
        dx, dy = l + w / 2 - self.x.place, self._foot(t, h) - self.y.place
        d = math.sqrt(dx * dx / (self.x.pp + r) + dy * dy / (self.y.pp + r) + (math.log(h / self.h) / s.height_noise) ** 2 * (s.feet < 2))
        reach = s.reach * self.h
        if dx * dx + dy * dy > reach * reach:
            return 99.0
        if s.min_iou and self.time - self.seen < s.min_iou_s and self.iou(box) < s.min_iou:
            return 99.0
        d += s.score_w * (1 - box[4])
        if s.iou_w:
            d += s.iou_w * (1 - self.iou(box))
        return d

    def iou(self, box) -> float:
        l, t, w, h, _ = box
        L, T = self.x.place - self.w / 2, self.y.place - self.h
        a = min(l + w, L + self.w) - max(l, L)
        b = min(t + h, T + self.h) - max(t, T)
        if a <= 0 or b <= 0:
            return 0.0
        return a * b / (w * h + self.w * self.h - a * b)

    def cover(self, box) -> float:
        l, t, w, h, _ = box
        L, T = self.x.place - self.w / 2, self.y.place - self.h
        a = min(l + w, L + self.w) - max(l, L)
        b = min(t + h, T + self.h) - max(t, T)
        return a * b / (w * h) if a > 0 and b > 0 else 0.0

    def _foot(self, t: float, h: float) -> float:
        if self.s.feet == 0 or self.hits < 3:
            return t + h
        a, b = t + h, t + self.h
        if abs(h / self.h - 1) < 0.1:
            return a
        # box too short or tall: one edge is wrong; believe the one nearer the prediction
        return a if abs(a - self.y.place) < abs(b - self.y.place) else b

    def update(self, box, time_s: float) -> None:
        l, t, w, h, sc = box
        r = (self.s.place_noise * self.h) ** 2
        foot = self._foot(t, h)
        self.x.update(l + w / 2, r)
        self.y.update(foot, r)
        g = max(0.2, 1 / (self.hits + 1))
        if self.hits >= 3 and abs(h / self.h - 1) > 0.1:
            g *= 0.25
        self.w += g * (w - self.w)
        self.h += g * (h - self.h)
        self.score = sc
        self.hits += 1
        self.seen = time_s
        self.last = FootPoint(time_s, self.x.place, self.y.place)
        self.vx, self.vy = self.x.speed, self.y.speed
        self.steps.append(FootPoint(time_s, self.x.place, self.y.place))


class Tracker:
    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._people: list[_Person] = []
        self._next = 1

    def update(self, boxes: Boxes, time_s: float) -> tuple[Track, ...]:
        s = self._settings
        low = s.high_score * s.low_ratio
        rows = [tuple(b) for b in boxes[boxes[:, 4] >= low].tolist()]
        high = [b for b in rows if b[4] >= s.high_score]
        weak = [b for b in rows if b[4] < s.high_score]
        for p in self._people:
            p.predict(time_s)
        conf = [p for p in self._people if p.id and time_s - p.seen <= (min(s.coast_s, (p.seen-p.born)*s.earn + s.tentative_gap_s if s.earn else 99))]
        tent = [p for p in self._people if not p.id]
        fresh = [p for p in conf if time_s - p.seen <= s.fresh_s]
        stale = [p for p in conf if time_s - p.seen > s.fresh_s]
        high, fresh = self._match(fresh, high, time_s)
        high, stale = self._match(stale, high, time_s)
        conf_left = fresh + stale
        weak, conf_left = self._match([p for p in conf_left if time_s - p.seen <= s.weak_s], weak, time_s)
        high, tent_left = self._match(tent, high, time_s)
        weak, tent_left = self._match(tent_left, weak, time_s)
        for b in high:
            cov = [p.cover(b) for p in self._people if p.seen == time_s and p.hits > 1]
            if max(cov, default=0) < s.cover1 and sum(cov) < s.cover and all(p.iou(b) < s.duplicate for p in self._people if p.seen == time_s):
                self._people.append(_Person(b, time_s, s))
        self._people = [
            p
            for p in self._people
            if time_s - p.seen <= max(s.link_s if p.id else 0,0)+1e-9 and p.seen>=0 or time_s - p.seen <= (min(s.coast_s, (p.seen-p.born)*s.earn + s.tentative_gap_s if s.earn else 99) if p.id else s.tentative_gap_s) + 1e-9
        ]
        out = []
        for p in self._people:
            if not p.id and p.hits >= s.confirm_hits and p.seen == time_s or (not p.id and p.hits >= 2 and time_s - p.born >= s.confirm_s - 1e-9 and p.seen == time_s):
                lost = self._lost_self(p) if s.link_s else None
                if lost is None:
                    p.id = self._next
                    self._next += 1
                else:
                    p.id, lost.id, lost.seen = lost.id, 0, -99
                    p.hits += lost.hits
            if p.id:
                steps, p.steps = tuple(p.steps), []
                out.append(Track(p.id, p.x.place - p.w / 2, p.y.place - p.h, p.w, p.h, p.seen == time_s, p.score, steps))
        return tuple(out)

    def _lost_self(self, p):
        best, cost = None, 1.0
        s = self._settings
        for q in self._people:
            if not q.id or q is p or q.seen >= p.born or p.born - q.seen > s.link_s:
                continue
            gap = p.born - q.seen
            vx, vy = (q.vx + p.x.speed) / 2, (q.vy + p.y.speed) / 2
            first, last = p.first, q.last
            d = math.hypot(first.x - last.x - vx * gap, first.y - last.y - vy * gap) / (q.h * (s.link_a + s.link_b * gap))
            if abs(math.log(p.h / q.h)) > 0.3:
                continue
            if d < cost:
                best, cost = q, d
        return best

    def _match(self, people, boxes, time_s):
        if not people or not boxes:
            return boxes, people
        costs = [[p.cost(b) for b in boxes] for p in people]
        pairs = assign(costs, self._settings.gate)
        for i, j in pairs:
            people[i].update(boxes[j], time_s)
        ri, cj = {i for i, _ in pairs}, {j for _, j in pairs}
        return [b for j, b in enumerate(boxes) if j not in cj], [p for i, p in enumerate(people) if i not in ri]
