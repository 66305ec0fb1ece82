"""The boards of the dashboards: what a supervisor, a manager and a tenant see in a browser.

A board is one folder here and one notebook in `dashboards/`:

* `figures.py` asks the record or the warehouse for plain figures; a board that needs no query of its own has none.
* `board.py` is the widget: frozen dataclasses that say what the page shows, and a class of traits that carries them.
* `board.js` and `board.css` draw it. They are appended to `boards/board.js` and `boards/board.css`; nothing is built.
* `presenter.py` is given a `TenantRecord`. It fills the widget at each tick, and carries out what a person asks.

The notebook shows the presenter's `ticker` and `board`. To add a board, copy the smallest folder (`tenant/`), its
notebook and its tests. Nothing else is to be changed: `opendeep dashboards` serves every notebook that lies in
`dashboards/`, and names it in the menu by its `title`, at its `opendeep_place`.
"""
