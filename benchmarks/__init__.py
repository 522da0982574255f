"""Two things measured in one run, and their ratio or bound."""
