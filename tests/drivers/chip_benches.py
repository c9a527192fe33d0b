"""Benches of I2C chips and 1-Wire slaves, each with another device on the same bus."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random

from edge_gateway.drivers.ads1115 import Ads1115, Ads1115Config
from edge_gateway.drivers.bh1750 import Bh1750, Bh1750Config
from edge_gateway.drivers.bme280 import Bme280, Bme280Config
from edge_gateway.drivers.ds18b20 import Ds18b20, Ds18b20Config, Measures
from edge_gateway.drivers.formats.analog import TRANSMITTED
from edge_gateway.drivers.sht import Model, Sht, ShtConfig
from edge_gateway.drivers.veml7700 import Veml7700, Veml7700Config
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.w1 import W1Folder
from edge_gateway.reading import Quantity
from edge_gateway.twins.ads1115 import Ads1115Twin, Voltages, current_loop, vane
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.ds18b20 import SURFACE_K_PER_W_M2, Ds18b20Twin
from edge_gateway.twins.i2c_bus import RegisterChip, SimulatedI2cBus
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import LUX_PER_W_M2, Veml7700Twin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import Weather
from tests.drivers.benches import CLOCK, AnyDriver, Bench, Device, JumpingWeather, PassingTime, own

T, RH, P = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY, Quantity.AIR_PRESSURE
LUX, SURFACE = Quantity.ILLUMINANCE, Quantity.SURFACE_TEMPERATURE
SUN, DIRECTION = Quantity.GLOBAL_IRRADIANCE, Quantity.WIND_DIRECTION
PRESSURE_PA = 100_800.0
LOOP_SHARE = 0.4
STEP_S = 5.0  # between two measurements, for the waits of a stuck bus
VEML7700_PERIOD_S = 0.025


def air(weather: Weather) -> Mapping[Quantity, float]:
    return {T: weather.air_temperature, RH: weather.relative_humidity, P: PRESSURE_PA}


def light(weather: Weather) -> Mapping[Quantity, float]:
    return {LUX: LUX_PER_W_M2 * weather.global_irradiance}


def surface(weather: Weather) -> Mapping[Quantity, float]:
    return {SURFACE: weather.air_temperature + SURFACE_K_PER_W_M2 * weather.global_irradiance}


def analog(weather: Weather) -> Mapping[Quantity, float]:
    def transmitted(quantity: Quantity) -> float:
        low, high = quantity.nature.low, quantity.nature.high
        return low + LOOP_SHARE * (high - low)

    sensors = {SUN: weather.global_irradiance, DIRECTION: weather.wind_direction}
    return {quantity: transmitted(quantity) for quantity in TRANSMITTED} | sensors


# Half a step of each device's resolution, and a hair.
SHT_STEPS = {T: 0.002, RH: 0.002}
BME280_STEPS = {T: 0.006, RH: 0.02, P: 3.0}
VEML7700_STEPS = {LUX: 20.0}
BH1750_STEPS = {LUX: 0.95}
DS18B20_STEPS = {SURFACE: 0.0313, T: 0.0313}
ADS1115_STEPS = {
    **{one: 5e-5 * (one.nature.high - one.nature.low) for one in TRANSMITTED},
    SUN: 0.38,
    DIRECTION: 0.01,
}


@contextmanager
def chip_bench(
    chance: Random,
    address: int,
    twin: Callable[[JumpingWeather, PassingTime], RegisterChip | ShtTwin],
    device: Callable[[I2cBus, JumpingWeather, PassingTime], Device],
) -> Generator[Bench]:
    """Beside every chip an SHT4x at 0x45."""
    scene, time = JumpingWeather(chance), PassingTime()
    chip, other = twin(scene, time), ShtTwin(scene, seconds=time, chance=own(chance))
    bus = SimulatedI2cBus({address: chip, 0x45: other}, chance=own(chance))
    freed = list[str]()

    def recover() -> None:
        freed.append("bus")
        bus.power_cycle()

    link = I2cBus(
        1,
        open_bus=bus.open,
        recover=recover,
        monotonic_s=lambda: STEP_S * len(scene.had),
    )
    config = ShtConfig(id="beside", driver="sht", address=0x45)
    beside = Device(Sht(config, link, time), scene, air, SHT_STEPS)
    yield Bench(device(link, scene, time), chip, bus.unplug, bus.plug, beside, bus, freed=freed)
    link.close()


Build = Callable[[Random, Path], AbstractContextManager[Bench]]


def sht_bench(model: Model) -> Build:
    def build(chance: Random, _: Path) -> AbstractContextManager[Bench]:
        config = ShtConfig(id="air", driver="sht", model=model)
        return chip_bench(
            chance,
            0x44,
            lambda scene, time: ShtTwin(scene, seconds=time, model=model, chance=own(chance)),
            lambda bus, scene, time: Device(Sht(config, bus, time), scene, air, SHT_STEPS),
        )

    return build


def bme280_bench(chance: Random, _: Path) -> AbstractContextManager[Bench]:
    config = Bme280Config(id="air", driver="bme280")
    return chip_bench(
        chance,
        0x76,
        lambda scene, time: Bme280Twin(
            scene, seconds=time, air_pressure_pa=PRESSURE_PA, chance=own(chance)
        ),
        lambda bus, scene, time: Device(Bme280(config, bus, time), scene, air, BME280_STEPS),
    )


def veml7700_bench(chance: Random, _: Path) -> AbstractContextManager[Bench]:
    config = Veml7700Config(id="light", driver="veml7700")

    def device(bus: I2cBus, scene: JumpingWeather, time: PassingTime) -> Device:
        pause_s = 1.2 * VEML7700_PERIOD_S  # until it has measured the new light
        driver = Veml7700(config, bus, time)
        return Device(driver, scene, light, VEML7700_STEPS, pause_s=pause_s)

    return chip_bench(
        chance,
        0x10,
        lambda scene, time: Veml7700Twin(scene, seconds=time, chance=own(chance)),
        device,
    )


def bh1750_bench(chance: Random, _: Path) -> AbstractContextManager[Bench]:
    config = Bh1750Config(id="light", driver="bh1750")
    return chip_bench(
        chance,
        0x23,
        lambda scene, time: Bh1750Twin(scene, seconds=time, chance=own(chance)),
        lambda bus, scene, time: Device(Bh1750(config, bus, time), scene, light, BH1750_STEPS),
    )


def ads1115_bench(chance: Random, _: Path) -> AbstractContextManager[Bench]:
    """A pyranometer, a vane, and one current loop read as everything else."""
    loop = {"kind": "current_loop", "input": "AIN3", "shunt_ohm": 100.0}
    channels: list[dict[str, object]] = [
        {**loop, "quantity": one, "value_low": one.nature.low, "value_high": one.nature.high}
        for one in TRANSMITTED
        if one not in {SUN, DIRECTION}
    ]
    channels.append({"kind": "vane", "input": "AIN2"})
    sun = {"kind": "pyranometer", "input": "AIN0-AIN1", "sensitivity_uv_per_w_m2": 10.5}
    channels.append({**sun, "full_scale_mv": 256})
    config = Ads1115Config.model_validate(
        {"id": "adc", "driver": "ads1115", "rate_sps": 860, "channel": channels}
    )
    voltages: Voltages = {
        "AIN0": lambda weather: 10.5e-6 * weather.global_irradiance,
        "AIN2": lambda weather: vane(weather.wind_direction, 3.3),
        "AIN3": lambda _: current_loop(LOOP_SHARE, 100.0),
    }
    return chip_bench(
        chance,
        0x48,
        lambda scene, time: Ads1115Twin(scene, voltages, seconds=time, chance=own(chance)),
        lambda bus, scene, time: Device(Ads1115(config, bus, time), scene, analog, ADS1115_STEPS),
    )


def ds18b20_bench(measures: Measures) -> Build:
    return lambda chance, folder: _thermometers(chance, folder, measures)


@contextmanager
def _thermometers(chance: Random, folder: Path, measures: Measures) -> Generator[Bench]:
    """Two of them on one bus."""
    scene, names = JumpingWeather(chance), ("28-0316a2795bff", "28-0316a2795c00")
    twin = Ds18b20Twin(scene, measures=measures, chance=own(chance))
    tree = SimulatedW1Tree(
        folder,
        dict(
            zip(
                names,
                (twin, Ds18b20Twin(scene, measures=measures, chance=own(chance))),
                strict=True,
            )
        ),
    )
    link = W1Folder(folder, read_file=tree.read_file)

    def device(slave: str) -> Device:
        config = Ds18b20Config(id="road", driver="ds18b20", slave=slave, measures=measures)
        driver: AnyDriver = Ds18b20(config, link, CLOCK)
        values = surface if measures == "surface" else air
        return Device(driver, scene, values, DS18B20_STEPS)

    yield Bench(device(names[0]), twin, tree.unplug, tree.plug, device(names[1]))
    link.close()


BENCHES: Mapping[str, Build] = {
    "ads1115": ads1115_bench,
    "bh1750": bh1750_bench,
    "bme280": bme280_bench,
    "ds18b20 (air)": ds18b20_bench("air"),
    "ds18b20 (surface)": ds18b20_bench("surface"),
    "sht (SHT3x)": sht_bench("sht3x"),
    "sht (SHT4x)": sht_bench("sht4x"),
    "veml7700": veml7700_bench,
}
