"""Asterisk as a package: installed without root, configured from our templates, started, stopped. No telephony."""
