"""The panes of the page, each drawing its own lines from a view."""
