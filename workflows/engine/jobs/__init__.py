"""Effects outside MongoDB, each under its job's own claim: send, poll, kill and so on."""
