"""How each client is doing, counted beforehand, so that whoever looks after many of them never asks for a row of theirs."""
