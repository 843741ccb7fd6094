"""What a carrier is asked by REST: to hang up, to go on with another document, to send keys, to place a call, what its numbers are."""
