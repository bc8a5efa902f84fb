"""`python -m sledwatch_app` is `sledwatch`."""

from sledwatch_app.cli import main

main()
