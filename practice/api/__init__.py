"""What clients reach over HTTP and WebSocket: Gamma, CLOB, Data API, relayer, feeds, control."""
