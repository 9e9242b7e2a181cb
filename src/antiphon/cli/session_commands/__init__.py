"""The actions of `antiphon sessions`, a module each."""
