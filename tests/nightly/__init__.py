"""What takes too long for every change: ``make nightly`` runs it all and writes docs/trust.md."""
