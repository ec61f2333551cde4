"""The ledger's proof: what was accepted, against what every store holds."""
