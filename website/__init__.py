"""The documentation as a site, made of the Markdown files of the repository: `make docs`."""
