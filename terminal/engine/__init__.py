"""One loop from feeds to desk to broker and ledger, and what it is put together from."""
