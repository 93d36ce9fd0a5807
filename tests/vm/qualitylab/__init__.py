"""Paths with a known truth: a tunnel each, over an underlay of its own that netem delays, varies and loses packets of."""
