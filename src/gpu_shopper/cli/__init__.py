"""The command gpu-shopper: talks to the API through the client."""
