from enum import Enum

class Status(Enum):
    SUCCESS = ...
