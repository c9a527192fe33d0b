"""Samples -> minutes: means and extremes of scalars, vector wind and gust, with completeness."""
