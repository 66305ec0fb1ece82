"""The reference, made from the code each time the site is built: nothing here is written a second time.

One module a page. Each has `page()`, the page's Markdown, and `undocumented()`, the names that have no text yet:
the tests want that list empty.
"""
