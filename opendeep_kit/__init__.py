"""OpenDeep: a Jupyter-first workbench for AI phone calls on Asterisk."""

__version__ = "0.1.0"
