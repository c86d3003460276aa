"""What lies on disk beside the ledger: folders, secrets, the memory of news, told stories."""
