"""Who may trade: wallets, keys and signatures; and what API users have placed."""
