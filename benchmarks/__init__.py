"""Measurements that are run by hand; each prints its figures."""
