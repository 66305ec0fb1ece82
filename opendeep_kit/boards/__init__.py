"""The supervisors' dashboards: what each board shows and does, who may see it, and the server that shows it."""
