"""Numbers -> numbers a city can trust: quality flags, and the records of calibration."""
