"""The account: open orders, trades and heartbeats, for live trading. No command reaches it yet."""
