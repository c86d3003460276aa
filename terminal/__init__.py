"""Where it meets people, money and disk: commands, engine, ledger, the local link and the face."""

VERSION = "0.1.0"
