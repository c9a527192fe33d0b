"""The four errors of a driver or a link. The supervisor alone decides what each costs."""


class DeviceError(Exception):
    """Base of the four; never raised itself."""


class BadFrame(DeviceError):
    """Something came back and it was nonsense: checksum, length, content."""


class DeviceReset(BadFrame):
    """It has started anew and lost its settings; they are set again, and this sample is dropped."""


class DeviceSilent(DeviceError):
    """No answer in time."""


class LinkGone(DeviceError):
    """The port, bus or adapter vanished; opening it again may help."""


class Misconfigured(DeviceError):
    """No quick retry can help: a wrong setting or device, a missing permission."""
