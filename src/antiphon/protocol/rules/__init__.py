"""The rules of the Messages API, one file each. `antiphon.protocol.registry` lists them."""
