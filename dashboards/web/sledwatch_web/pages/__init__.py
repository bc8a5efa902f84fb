"""The routes of the pages: each asks the API, has plain functions make words of the answer, and fills a template."""
